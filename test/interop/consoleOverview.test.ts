/**
 * @file The console's Overview page in Chromium: what it shows of two stages, of requests that go through them, of a worker that is
 * killed, and of a job's last step. One server, one page; each test goes on from where the one before has left them.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openConsole, picture, type ConsolePage } from "../harness/chromium.ts";
import { eventually } from "../harness/eventually.ts";
import { expectAccessible } from "../harness/expectAccessible.ts";
import { golden } from "../harness/goldenSentences.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";
import { topologyOf } from "../harness/topologyOf.ts";
import { writeToyTexts } from "../harness/toyTexts.ts";
import { createJob, openAi, upload } from "../harness/trainingJobs.ts";

const MODEL = "tiny-encoder";

let folder: string;
let server: TestServer;
let browser: ConsolePage;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stagecoach-overview-"));
  server = await startServer({ flags: ["--stages", "2", "--max-batch-tokens", "64"] });
  browser = await openConsole(`${server.url}/#/overview`);
});
afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

test("a server that has done nothing says so, in words that say what to do", async () => {
  const { page } = browser;
  const sections = page.locator("section");
  await sections.filter({ hasText: "No micro-batch has come back" }).getByRole("link", { name: "Try it" }).waitFor();
  await sections.filter({ hasText: "No job has been started" }).getByRole("link", { name: "Jobs" }).waitFor();
  expect(await page.getByRole("listbox").count()).toBe(0);
});

test("the bars of a request are there for each stage, and the keyboard goes from one to the next", async () => {
  const { page } = browser;
  await page.getByLabel("Show").selectOption("10 s");
  await server.post("/v1/embeddings", { input: golden.texts });
  const bars = page.getByRole("option", { name: /^Micro-batch 1 / });
  await eventually(async () => expect(await bars.count()).toBe(2));
  const names = await bars.evaluateAll((marks) => marks.map((mark) => mark.getAttribute("aria-label")));
  expect(names.map((name) => /on (stage \d)/.exec(name ?? "")?.[1])).toEqual(["stage 0", "stage 1"]);
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("listbox", { name: /^Micro-batches by stage/ }).focus();
  await page.keyboard.press("Home");
  const chosen = page.locator('[aria-selected="true"]');
  await page.locator(".gantt-detail", { hasText: "Micro-batch 1 on stage 0" }).waitFor();
  await page.keyboard.press("ArrowRight");
  const next = (await chosen.getAttribute("aria-label"))!;
  expect(next).not.toContain("Micro-batch 1 on stage 0");
  await page.locator(".gantt-detail", { hasText: next }).waitFor();
  await page.getByRole("button", { name: "Go on" }).click();
});

test("a worker that is killed is shown as lost at the page's next question or the one after, and its successor as up", async () => {
  const { page } = browser;
  const stage = page.locator('[data-stage="1"]');
  const text = async () => `${await stage.getAttribute("data-state")}: ${await stage.textContent()}`;
  await eventually(async () => expect(await text()).toMatch(/^up: .*never lost$/));
  process.kill(server.workerPids().find((each) => each.stage === 1)!.pid, "SIGKILL");
  await eventually(async () => {
    const { replicas } = await topologyOf(server);
    expect(replicas[0]!.stages[1]!.last_loss).not.toBeNull();
  });
  // It asks every second.
  let questions = 0;
  page.on("request", (request) => (questions += request.url().endsWith("/topology") ? 1 : 0));
  await eventually(async () => expect(await text()).toMatch(/lost \d+ s ago/));
  expect(questions).toBeLessThanOrEqual(2);
  await eventually(async () => expect(await text()).toMatch(/^up: .*started again 1 ×$/));
});

test("a job's last step is shown beside its ideal, with the bubble of both", async () => {
  const { page } = browser;
  writeToyTexts(join(folder, "train.jsonl"), 32, 1);
  const client = openAi(server);
  const file = await upload(client, join(folder, "train.jsonl"));
  const id = await createJob(client, { model: MODEL, file }, { hyperparameters: { max_steps: 3, batch_size: 8 } });
  await page.getByText("Step 3, schedule 1f1b, 4 micro-batches").waitFor({ timeout: 60_000 });
  expect(await page.getByLabel("Job", { exact: true }).inputValue()).toBe(id);
  for (const title of ["Measured", "Ideal"]) {
    await page.getByRole("heading", { name: new RegExp(`^${title}: .* bubble \\d+ %`) }).waitFor();
    const passes = page.getByRole("listbox", { name: new RegExp(`^${title} step`) }).getByRole("option");
    // Of each of two stages, four forward passes, four backward ones and the update.
    await eventually(async () => expect(await passes.count()).toBe(2 * 9));
  }
});

test.each([
  ["dark", 360],
  ["light", 1280],
] as const)(
  "%s, %i pixels wide and full of bars: axe-core finds nothing, and the page is no wider",
  async (colorScheme, width) => {
    const { page } = browser;
    await server.post("/v1/embeddings", { input: Array.from({ length: 12 }, () => golden.texts).flat() });
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 900 });
    await page.getByLabel("Show").selectOption("1 s");
    await eventually(async () => expect(await page.getByText(/^busy \d+ %/).count()).toBe(2));
    await expectAccessible(page);
    expect(await page.locator("html").evaluate((html) => html.scrollWidth)).toBeLessThanOrEqual(width);
    await picture(page, width === 360 ? "console-overview-narrow" : "console-overview");
  },
);
