/** @file The console's Overview page in Chromium: what it shows of two stages, of requests that go through them, and of a worker that is killed. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { openConsole, picture, type ConsolePage } from "../harness/chromium.ts";
import { golden } from "../harness/goldenSentences.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";
import { eventually } from "../harness/eventually.ts";

let server: TestServer;
let browser: ConsolePage;
beforeAll(async () => {
  server = await startServer({ flags: ["--stages", "2", "--max-batch-tokens", "64"] });
  browser = await openConsole(`${server.url}/#/overview`);
});
afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

test("a server that has done nothing says so, in words that say what to do", async () => {
  const { page } = browser;
  await page.getByText("No micro-batch has come back").waitFor();
  await page.getByText("No job has been started on this server").waitFor();
});

test("the bars of a request are there for each stage, and the keyboard goes from one to the next", async () => {
  const { page } = browser;
  await server.post("/v1/embeddings", { input: golden.texts });
  const bars = page.getByRole("option", { name: /^Micro-batch 1 / });
  await eventually(async () => expect(await bars.count()).toBe(2));
  const names = await bars.evaluateAll((marks) => marks.map((mark) => mark.getAttribute("aria-label")));
  expect(names.map((name) => /on (stage \d)/.exec(name!)?.[1])).toEqual(["stage 0", "stage 1"]);
  await page.getByRole("button", { name: "Pause" }).click();
  const gantt = page.getByRole("listbox", { name: /^Micro-batches by stage/ });
  await gantt.focus();
  await page.keyboard.press("Home");
  const chosen = page.locator('[aria-selected="true"]');
  await page.locator(".gantt-detail", { hasText: "Micro-batch 1 on stage 0" }).waitFor();
  await page.keyboard.press("ArrowRight");
  await page.locator(".gantt-detail", { hasText: "Micro-batch" }).waitFor();
  expect(await chosen.getAttribute("aria-label")).not.toContain("Micro-batch 1 on stage 0");
  await page.getByRole("button", { name: "Go on" }).click();
});

test("a worker that is killed is shown as lost within two seconds, and its successor as up", async () => {
  const { page } = browser;
  const stage = page.locator('[data-stage="1"]');
  await stage.and(page.locator('[data-state="up"]')).waitFor();
  await stage.getByText("never lost").waitFor();
  process.kill(server.workerPids().find((each) => each.stage === 1)!.pid, "SIGKILL");
  await stage.getByText(/lost \d+ s ago/).waitFor({ timeout: 2000 });
  await page
    .locator('[data-stage="1"][data-state="up"]')
    .getByText(/started again 1 ×/)
    .waitFor();
});

test("the picture for the docs", async () => {
  const { page } = browser;
  const texts = Array.from({ length: 12 }, () => golden.texts).flat();
  for (let round = 0; round < 6; round++) await server.post("/v1/embeddings", { input: texts });
  await eventually(async () => expect(await page.getByText(/^busy/).count()).toBe(2));
  await picture(page, "console-overview");
});
