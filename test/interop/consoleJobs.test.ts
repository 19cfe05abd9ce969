/** @file The console's jobs in Chromium: a classifier is trained from the form by keyboard alone, watched, asked about and compared. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type OpenAI from "openai";
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openConsole, picture } from "../harness/chromium.ts";
import { expectAccessible } from "../harness/expectAccessible.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";
import { toys } from "../harness/toyTasks.ts";
import { openAi, reached, upload } from "../harness/trainingJobs.ts";

const NUM_EXAMPLES = 48;
/** Pixels of these long pages that are in the docs. */
const PICTURED = 1720;
const model = "tiny-encoder";
/** Each trains for seconds, and learns what the toy texts are about. */
const learning = { n_epochs: 4, batch_size: 8, learning_rate: 3e-3, validation_split: 0.25 };
const columns = { text: "headline", label: "section" };

let folder: string;
let csv: string;
let server: TestServer;
let client: OpenAI;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stagecoach-console-"));
  csv = join(folder, "news.csv");
  const rows = Array.from({ length: NUM_EXAMPLES }, (_, number) => toys["sequence-classification"].row(number));
  writeFileSync(csv, ["headline,section", ...rows.map(({ text, label }) => `${text},${label}`), ""].join("\n"));
  server = await startServer();
  client = openAi(server);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** Tab until it has the focus: whoever has no mouse comes to it so. */
async function tabTo(page: Page, target: Locator): Promise<void> {
  for (let step = 0; step < 150; step++) {
    if (await target.evaluate((element) => element.matches(":focus"))) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`tabTo: expected to come to ${String(target)} with the keyboard, did not in 150 steps`);
}

async function press(page: Page, target: Locator, key = "Enter"): Promise<void> {
  await tabTo(page, target);
  await page.keyboard.press(key);
}

/** Types into a field, or the beginning of an option of a select. */
async function type(page: Page, label: string, text: string): Promise<void> {
  await tabTo(page, page.getByLabel(label, { exact: true }));
  await page.keyboard.type(text);
}

const pointsOf = async (figure: Locator) =>
  Number(
    /training loss from \S+ at step \d+ to \S+ at step (\d+)/.exec(
      (await figure.getAttribute("aria-label")) ?? "",
    )?.[1],
  );

const idOf = (page: Page) => /ftjob-\w+/.exec(page.url())![0];

test("a file is uploaded, mapped wrongly, refused, mended, trained from, and its model downloaded: by keyboard", async () => {
  await using browser = await openConsole(server.url, { viewport: { width: 1000, height: 800 } });
  const { page } = browser;
  await page.goto(`${server.url}/#/jobs`);
  await page.getByText("No job has run here yet").waitFor();
  await press(page, page.getByRole("link", { name: "New job" }));

  // The dialog of the operating system is not the page's: the file is put where it would put it.
  await page.getByLabel("Training file: choose a file, or drop it here").setInputFiles(csv);
  await page.getByRole("cell", { name: "stag the layers in cons" }).waitFor();
  await type(page, "What the model is to learn", "Classify");
  await type(page, "Text (text)", "headline");
  await type(page, "n_epochs", String(learning.n_epochs));
  await type(page, "batch_size", String(learning.batch_size));
  await type(page, "learning_rate", String(learning.learning_rate));
  await type(page, "stages", "1");

  await press(page, page.getByRole("button", { name: "Check" }));
  await page.getByRole("alert").getByText("headline, section").waitFor();
  expect(await page.getByRole("button", { name: "Start" }).isDisabled()).toBe(true);
  await expectAccessible(page);

  await page.getByLabel("Text (text)").focus();
  await type(page, "Label (label)", "section");
  await type(page, "Share", "");
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type(String(learning.validation_split));
  await press(page, page.getByRole("button", { name: "Check" }));
  await page.getByText("The check has passed").waitFor();
  await page.getByText(/2 labels: (no|yes) \(18\), (no|yes) \(18\)/).waitFor();
  const command = await page.getByText("/v1/fine_tuning/jobs -d").textContent();
  expect(JSON.parse(/-d '(.*)'$/s.exec(command!)![1]!)).toMatchObject({
    model,
    method: {
      supervised: { task: "sequence-classification", columns, stages: 1, hyperparameters: learning },
    },
  });
  await picture(page, "console-new-job", PICTURED);
  await press(page, page.getByRole("button", { name: "Start" }));

  const loss = page.getByRole("figure", { name: "Loss by step" });
  await loss.waitFor();
  await page.getByRole("figure", { name: /Loss by step: training loss .* at step 20/ }).waitFor();
  expect(await pointsOf(loss)).toBeGreaterThanOrEqual(20);
  await page.getByText("It has finished").waitFor();
  const card = (await (
    await server.get(`/v1/fine_tuning/jobs/${idOf(page)}`)
  ).json()) as OpenAI.FineTuning.FineTuningJob;
  expect(card).toMatchObject({ model, status: "succeeded" });

  const matrix = page.getByRole("table", { name: /Rows: the label expected/ });
  await matrix.waitFor();
  const counts = (await matrix
    .locator("tbody tr")
    .evaluateAll((rows) =>
      rows.map((row) => [...row.querySelectorAll("td")].slice(0, 2).map((cell) => Number(cell.textContent))),
    )) satisfies number[][];
  // A quarter of the file, half of it of each label; the texts can be told apart.
  expect(counts).toEqual([
    [6, 0],
    [0, 6],
  ]);
  await expectAccessible(page);
  await picture(page, "console-job", PICTURED);

  const [download] = await Promise.all([
    page.waitForEvent("download"),
    press(page, page.getByRole("link", { name: "Download the model (tar)" })),
  ]);
  const archive = join(folder, "model.tar");
  await download.saveAs(archive);
  const names = execFileSync("tar", ["-tf", archive], { encoding: "utf8" });
  expect(names).toContain("config.json");
  expect(names).toContain("model.safetensors");
});

/** A job from the CSV, as the form makes it. @returns its id */
async function start(hyperparameters: Partial<typeof learning>): Promise<string> {
  const supervised = { columns, stages: 1, hyperparameters: { ...learning, ...hyperparameters } };
  const training_file = await upload(client, csv);
  const request = { model, training_file, method: { type: "supervised", supervised } };
  const created = (await (await server.post("/v1/fine_tuning/jobs", request)).json()) as { id: string };
  return created.id;
}

test("a job is paused, and resumed from its checkpoint, and cancelled when one is sure", async () => {
  const id = await start({ n_epochs: 1000 });
  await using browser = await openConsole(server.url, { colorScheme: "dark", viewport: { width: 360, height: 780 } });
  const { page } = browser;
  await page.goto(`${server.url}/#/jobs/${id}`);
  const loss = page.getByRole("figure", { name: "Loss by step" });
  await loss.waitFor();
  await press(page, page.getByRole("button", { name: "Pause" }));
  await page.getByText("It is paused").waitFor();
  await reached(client, id, "paused");
  await expectAccessible(page);
  expect(await page.locator("html").evaluate((html) => html.scrollWidth)).toBeLessThanOrEqual(360);
  await press(page, page.getByRole("button", { name: "Resume" }));
  await page.getByText("It is running").waitFor();
  await page.getByText("Going on from the checkpoint").waitFor();
  await press(page, page.getByRole("button", { name: "Cancel…" }));
  await press(page, page.getByRole("button", { name: "No, let it be" }));
  await press(page, page.getByRole("button", { name: "Cancel…" }));
  await press(page, page.getByRole("button", { name: "Yes, cancel it for good" }));
  await page.getByText("It was cancelled").waitFor();
  await reached(client, id, "cancelled");
});

test("two jobs are chosen and compared: their curves, and in what they differ", async () => {
  const ids = [await start({ n_epochs: 1, learning_rate: 1e-3 }), await start({ n_epochs: 1 })];
  for (const id of ids) await reached(client, id, "succeeded");
  await using browser = await openConsole(server.url);
  const { page } = browser;
  await page.goto(`${server.url}/#/jobs`);
  for (const id of ids) await page.getByRole("checkbox", { name: `compare ${id}` }).check();
  await page.getByRole("link", { name: "Compare 2 jobs" }).click();
  const figure = page.getByRole("figure", { name: "Training loss by step" });
  await page.getByRole("figure", { name: /from \S+ at step 1 .*; .* from \S+ at step 1 / }).waitFor();
  for (const id of ids) expect(await figure.getAttribute("aria-label")).toContain(id.slice(0, 12));
  const rate = page.getByRole("row", { name: /^learning_rate ?differs/ });
  expect(await rate.getByRole("cell").allTextContents()).toEqual(["0.001", "0.003"]);
  expect(await page.getByRole("row", { name: /^batch_size/ }).textContent()).not.toContain("differs");
  await expectAccessible(page);
});
