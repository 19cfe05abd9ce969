/** @file A search in the console, in Chromium: its file is dropped, its trials are varied in the form, and what they are is shown. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openConsole, pictureOf } from "../harness/chromium.ts";
import { eventually } from "../harness/eventually.ts";
import { expectAccessible } from "../harness/expectAccessible.ts";
import { trialsOf } from "../harness/searchJobs.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";
import { writeToyTexts } from "../harness/toyTexts.ts";

let folder: string;
let train: string;
let server: TestServer;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stagecoach-console-search-"));
  train = join(folder, "train.jsonl");
  writeToyTexts(train, 96, 1);
  server = await startServer();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** As a file manager hands it over. */
async function drop(page: Page, target: string, path: string): Promise<void> {
  const [name, text] = [path.split("/").at(-1)!, readFileSync(path, "utf8")].map((each) => JSON.stringify(each));
  const dataTransfer = await page.evaluateHandle(
    `(() => { const all = new DataTransfer(); all.items.add(new File([${text}], ${name})); return all; })()`,
  );
  const area = page.getByText(target, { exact: true }).locator("..");
  for (const type of ["dragover", "drop"]) await area.dispatchEvent(type, { dataTransfer });
}

test("a file is dropped, two settings are varied, and the trials are there with the best one first", async () => {
  await using browser = await openConsole(server.url, { viewport: { width: 1000, height: 800 } });
  const { page } = browser;
  await page.goto(`${server.url}/#/jobs/new`);
  const search = page.getByRole("checkbox", { name: /^Train several times/ });
  await search.waitFor();
  await drop(page, "Training file: choose a file, or drop it here", train);
  await page.getByRole("heading", { name: "First rows of train.jsonl (jsonl)" }).waitFor();
  const field = (name: string) => page.getByLabel(name, { exact: true });
  await field("n_epochs").fill("5");
  await field("Share").fill("0.25");
  await field("stages").fill("1");
  await search.check();
  await field("Runs at a time").fill("2");
  await field("Values").fill("1e-5, 3e-3");
  await page.getByRole("button", { name: "Vary another setting" }).click();
  await field("Vary").nth(1).selectOption("batch_size");
  await field("Values").nth(1).fill("8, many");
  await page.getByRole("button", { name: "Check" }).click();
  // What is wrong stands at the field, and in the list above the request.
  expect(await page.getByText(/many/).count()).toBeGreaterThanOrEqual(2);
  await field("Values").nth(1).fill("8, 16");
  await page.getByRole("button", { name: "Check" }).click();
  await page.getByText("The check has passed").waitFor();
  await page.getByRole("button", { name: "Start" }).click();

  await page.getByText("It has finished").waitFor({ timeout: 120_000 });
  const id = /ftjob-\w+/.exec(page.url())![0];
  const trials = await trialsOf(server, id);
  expect(trials.map(({ hyperparameters }) => hyperparameters)).toEqual(
    [1e-5, 3e-3].flatMap((learning_rate) => [8, 16].map((batch_size) => ({ learning_rate, batch_size }))),
  );
  const table = page.getByRole("table").filter({ has: page.getByRole("columnheader", { name: "Trial" }) });
  const rows = () =>
    table
      .locator("tbody tr")
      .evaluateAll((all) =>
        all.map((row) => [...row.querySelectorAll("th, td")].slice(0, 3).map((cell) => cell.textContent)),
      );
  const best = trials.toSorted((a, b) => b.score! - a.score! || a.number - b.number);
  const numbers = best.map(({ number }) => number);
  // What was known before the end stands there until the last answer has come.
  const shown = await eventually(async () => {
    const found = await rows();
    expect(found.map(([number]) => Number.parseInt(number, 10))).toEqual(numbers);
    return found;
  });
  expect(shown[0]![0]).toContain("best");
  expect(shown.map(([, rate, batch]) => [Number(rate), Number(batch)])).toEqual(
    best.map(({ hyperparameters: { learning_rate, batch_size } }) => [learning_rate, batch_size]),
  );
  const drawn = page.getByRole("img", { name: /^The trials' metric by step/ });
  await drawn.waitFor();
  expect(await drawn.evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth)).toBeGreaterThan(
    100,
  );
  await expectAccessible(page);
  await pictureOf(page.locator(".card", { has: drawn }), "console-search");
});
