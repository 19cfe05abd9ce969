/**
 * @file The console's Attention page in Chromium: its numbers are transformers', and everything can be done with the keyboard.
 *
 * Expected values: test/fixtures/attention/texts.json and texts.safetensors, written by tools/oracles/attention.py.
 */
import { openSafetensors } from "@stagecoach/transformer/node";
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../harness/eventually.ts";
import { expectAccessible } from "../harness/expectAccessible.ts";
import { openConsole, picture } from "../harness/chromium.ts";
import { fixtures } from "../harness/paths.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";

const NUM_HEADS = 4;
/** Four digits are shown, and the fixture's own tolerance. */
const TOLERANCE = 6e-5;

type Case = { readonly inputs: [string, string]; readonly tokens: string[]; readonly segments: (number | null)[] };
const { cases } = JSON.parse(readFileSync(`${fixtures}attention/texts.json`, "utf8")) as { cases: Case[] };
const pair = cases[1]!;
const L = pair.tokens.length;

let golden: Float32Array;
let server: TestServer;
beforeAll(async () => {
  await using file = await openSafetensors(`${fixtures}attention/texts.safetensors`);
  golden = await file.readFloat32("1");
  server = await startServer({ flags: ["--stages", "2"] });
});
afterAll(() => server[Symbol.asyncDispose]());

const expectedAt = (layer: number, head: number) => (row: number, column: number) =>
  golden[((layer * NUM_HEADS + head) * L + row) * L + column]!;

/** Points at a token, until the page shows its lines. */
async function lookAt(page: Page, place: string): Promise<void> {
  await page.locator(`[data-place="${place}"]`).hover();
  await page.locator(`[data-place="${place}"].is-current`).waitFor();
}

async function openPair(page: Page, query = ""): Promise<void> {
  await page.goto(`${server.url}/#/attention${query}`);
  await page.getByRole("textbox", { name: "Text A" }).fill(pair.inputs[0]);
  await page.getByRole("textbox", { name: "Text B" }).fill(pair.inputs[1]);
  await page.getByRole("button", { name: "Show attention" }).click();
  await page.getByText(`${L} tokens, 4 layers of 4 heads`).waitFor();
}

test("the head view's numbers are those of transformers, of the layer, the heads and the texts that are chosen", async () => {
  await using browser = await openConsole(server.url);
  const { page } = browser;
  await openPair(page);
  await page.getByRole("combobox", { name: "Layer" }).selectOption("2");
  await page.getByRole("button", { name: "none" }).click();
  await page.getByText("No head is on").waitFor();
  await page.getByRole("button", { name: "head 3" }).click();
  await lookAt(page, "looking-4");
  const numbers = async () =>
    (await page.locator(".head-view .token-weight").allTextContents()).map((text) => Number(text));
  const at = expectedAt(2, 3);
  const errors = (await numbers()).map((given, column) => Math.abs(given - at(4, column)));
  expect(errors).toHaveLength(L);
  expect(Math.max(...errors)).toBeLessThan(TOLERANCE);
  // Two heads: their mean. Of the column that is seen: who looks at it.
  await page.getByRole("button", { name: "head 1" }).click();
  await lookAt(page, "seen-9");
  const other = expectedAt(2, 1);
  const ofColumn = (await numbers()).map((given, row) => Math.abs(given - (at(row, 9) + other(row, 9)) / 2));
  expect(Math.max(...ofColumn)).toBeLessThan(TOLERANCE);
  // From the second text to the first: as many tokens as each has.
  await page.getByRole("combobox", { name: "From and to" }).selectOption("ba");
  const border = pair.segments.indexOf(1);
  await eventually(async () =>
    expect(await page.locator(".head-view ol").first().locator("li").count()).toBe(L - border),
  );
  expect(await page.locator(".head-view ol").last().locator("li").count()).toBe(border);
  expect(new URL(page.url()).hash).toBe("#/attention?layer=2&heads=1%2C3&filter=ba");
  // What the address says is shown again; the texts are not in it.
  await page.reload();
  await page.getByRole("combobox", { name: "From and to" }).waitFor();
  expect(await page.getByRole("combobox", { name: "Layer" }).inputValue()).toBe("2");
  await page.locator(".head-view").waitFor();
  expect(await page.locator('[aria-pressed="true"]').count()).toBe(2);
});

test("with the keyboard alone: a head of the grid is opened, and its cells are read; its table has the same numbers", async () => {
  await using browser = await openConsole(server.url);
  const { page } = browser;
  await openPair(page);
  await page.getByRole("link", { name: "Model view" }).focus();
  await page.keyboard.press("Enter");
  await page.locator(".model-view canvas").nth(15).waitFor();
  const tabTo = async (selector: string) => {
    for (let presses = 0; presses < 20; presses++) {
      await page.keyboard.press("Tab");
      if ((await page.locator(`${selector}:focus`).count()) > 0) return;
    }
    throw new Error(`no Tab led to ${selector}`);
  };
  await tabTo(".model-view a");
  for (const key of ["ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight", "Enter"]) await page.keyboard.press(key);
  await page.getByRole("heading", { name: "layer 3, head 1" }).waitFor();
  await tabTo(".heat-map");
  for (const key of ["ArrowDown", "ArrowDown", "ArrowRight"]) await page.keyboard.press(key);
  const at = expectedAt(3, 1);
  const cell = page.locator("#heat-map-number");
  const [, row, column, number] = /^(.*) → (.*): (0\.\d{4})$/.exec((await cell.textContent())!)!;
  expect([row, column]).toEqual([pair.tokens[2], pair.tokens[1]]);
  expect(Math.abs(Number(number) - at(2, 1))).toBeLessThan(TOLERANCE);
  await tabTo("summary");
  await page.keyboard.press("Enter");
  const rows = page.locator(".head-table tbody tr");
  expect(await rows.count()).toBe(L);
  const most = Number((await rows.nth(2).locator("td .muted").first().textContent())!);
  const largest = Math.max(...Array.from({ length: L }, (_, place) => at(2, place)));
  expect(Math.abs(most - largest)).toBeLessThan(TOLERANCE);
  await page.goBack();
  await page.locator("#heat-map-number").waitFor({ state: "detached" });
});

test("what the server refuses is said, and the page goes on with the next text", async () => {
  await using browser = await openConsole(server.url);
  const { page, takeProblems } = browser;
  await page.route("**/attention", async (route) => {
    const body = route.request().postDataJSON() as object;
    await route.continue({ postData: JSON.stringify({ ...body, layers: [9] }) });
  });
  await page.goto(`${server.url}/#/attention`);
  await page.getByRole("alert").filter({ hasText: "the model has 4 layers" }).waitFor();
  // Chromium logs each 422 by itself.
  expect(takeProblems().filter((line) => !line.includes("422"))).toEqual([]);
  await page.unroute("**/attention");
  await openPair(page);
});

test.each([
  ["light", 1280],
  ["dark", 1280],
  ["light", 360],
] as const)(
  "%s, %i pixels wide: axe-core finds nothing, and nothing is wider than the screen",
  async (colorScheme, width) => {
    await using browser = await openConsole(server.url, { colorScheme, viewport: { width, height: 780 } });
    const { page } = browser;
    const expectFit = async () => {
      await expectAccessible(page);
      expect(await page.locator("html").evaluate((html) => html.scrollWidth)).toBeLessThanOrEqual(width);
    };
    await openPair(page, "?layer=1");
    await page.locator('[data-place="looking-3"]').focus();
    await expectFit();
    await page.goto(`${server.url}/#/attention?view=model&layer=1&head=2`);
    await page.locator(".model-view canvas").nth(15).waitFor();
    await page.locator(".heat-map").focus();
    await page.getByText("Numbers of one head as a table").click();
    await expectFit();
  },
);

test("the example is there at once, read by the model in the box: pictures for the docs", async () => {
  await using mini = await startServer({ model: null });
  await using browser = await openConsole(mini.url);
  const { page } = browser;
  await page.goto(`${mini.url}/#/attention?layer=1`);
  await page.locator('[data-place="looking-3"]').focus();
  await page.getByText("looks most at").waitFor();
  await picture(page, "attention-head");
  await page.goto(`${mini.url}/#/attention?view=model&layer=1&head=2`);
  await page.locator(".model-view canvas").nth(7).waitFor();
  await page.locator(".heat-map").focus();
  await page.keyboard.press("ArrowDown");
  expect(await page.locator("#heat-map-number").textContent()).toMatch(/^The → \[CLS\]: 0\.\d{4}$/);
  await picture(page, "attention-model");
});
