/**
 * @file The console's page "Try it" in Chromium: what it shows is what PyTorch gives for the same models.
 *
 * Expected values: test/fixtures/tiny-encoder/golden.json (sentence-transformers) and test/fixtures/pipelines (transformers' pipelines).
 */
import { PACKAGED_MODEL, packagedModelFolder } from "@stagecoach/transformer/node";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openConsole, picture, type ConsolePage } from "../harness/chromium.ts";
import { eventually } from "../harness/eventually.ts";
import { expectAccessible } from "../harness/expectAccessible.ts";
import { addFineTuned } from "../harness/fineTunedFolders.ts";
import { golden } from "../harness/goldenSentences.ts";
import { copyModel } from "../harness/modelFolders.ts";
import {
  fillMask,
  modelWithHead,
  nextSentence,
  questionAnswering,
  textClassification,
  textRanking,
  tokenClassification,
  type Answer,
  type Filling,
} from "../harness/pipelineFixtures.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";

/** Half of the last place that the page shows, and rounding of float32. */
const TOLERANCE = 6e-5;

const heads = {
  "ft:tiny:masks": [fillMask, "BertForMaskedLM"],
  "ft:tiny:answers": [questionAnswering, "BertForQuestionAnswering"],
  "ft:tiny:moods": [textClassification, "BertForSequenceClassification"],
  "ft:tiny:ranks": [textRanking, "BertForSequenceClassification"],
  "ft:tiny:crew": [tokenClassification, "BertForTokenClassification"],
  "ft:tiny:next": [nextSentence, "BertForNextSentencePrediction"],
} as const;
const BASE = "tiny-encoder";
/** Has lost its config. */
const BROKEN = "ft:tiny:broken";
type Name = keyof typeof heads | typeof BASE | typeof PACKAGED_MODEL;

let dataDir: string;
let server: TestServer;
let browser: ConsolePage;
let page: Page;
beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "stagecoach-try-"));
  for (const [name, [fixture, architecture]] of Object.entries(heads)) {
    using model = await modelWithHead(fixture, architecture);
    await addFineTuned(dataDir, { [name]: model.folder });
  }
  using broken = copyModel((folder) => rmSync(join(folder, "config.json")));
  await addFineTuned(dataDir, { [PACKAGED_MODEL]: packagedModelFolder, [BROKEN]: broken.folder });
  server = await startServer({ dataDir, flags: ["--max-client-batch-size", "100"] });
  browser = await openConsole(server.url);
  ({ page } = browser);
});
afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  rmSync(dataDir, { recursive: true, force: true });
});

async function open(tab: string, model: Name): Promise<void> {
  await page.goto(`${server.url}/#/try/${tab}?model=${encodeURIComponent(model)}`);
  await page.getByRole("navigation", { name: "What to try" }).waitFor();
}

/** Once the page shows an answer. */
async function answer(): Promise<Locator> {
  const section = page.getByRole("region", { name: "Answer" });
  await section.and(page.locator('[aria-busy="false"]')).getByText("Answered in").waitFor();
  return section;
}

/** Press what sends from the keyboard, and wait. */
async function send(): Promise<Locator> {
  await page.keyboard.press("Control+Enter");
  return answer();
}

const field = (name: string): Locator => page.getByRole("textbox", { name, exact: true });

const numbers = async (cells: Locator): Promise<number[]> => (await cells.allInnerTexts()).map(Number);

function expectNear(given: readonly number[], expected: readonly number[], tolerance = TOLERANCE): void {
  expect(given).toHaveLength(expected.length);
  for (const [index, value] of given.entries()) expect(Math.abs(value - expected[index]!)).toBeLessThan(tolerance);
}

const cosine = (a: readonly number[], b: readonly number[]) =>
  a.reduce((total, value, index) => total + value * b[index]!, 0);

test("the overview, where it opens, lists the jobs that made the models, and no request of it fails", async () => {
  const made = page.getByLabel("Job", { exact: true }).getByRole("option");
  await eventually(async () => expect(await made.count()).toBe(Object.keys(heads).length + 2));
  expect(browser.takeProblems()).toEqual([]);
});

describe("which tabs there are", () => {
  const models = () => page.getByRole("combobox", { name: "Model" });
  const tabsOf = async (model: Name) => {
    await page.goto(`${server.url}/#/try?model=${encodeURIComponent(model)}`);
    const nav = page.getByRole("navigation", { name: "What to try" });
    await eventually(async () => expect(await models().inputValue()).toBe(model));
    return nav.getByRole("link").allInnerTexts();
  };

  test("follows from what the model was trained for", async () => {
    expect(await tabsOf(BASE)).toEqual(["Embeddings", "Tokens"]);
    expect(await tabsOf("ft:tiny:masks")).toEqual(["Fill mask", "Embeddings", "Tokens"]);
    expect(await tabsOf("ft:tiny:answers")).toEqual(["Answers", "Embeddings", "Tokens"]);
    expect(await tabsOf("ft:tiny:moods")).toEqual(["Labels", "Embeddings", "Tokens"]);
    expect(await tabsOf("ft:tiny:ranks")).toEqual(["Rerank", "Labels", "Embeddings", "Tokens"]);
    expect(await tabsOf("ft:tiny:crew")).toEqual(["Token labels", "Embeddings", "Tokens"]);
    expect(await tabsOf("ft:tiny:next")).toEqual(["Next sentence", "Embeddings", "Tokens"]);
  });

  test("one that the model does not have says which model has it", async () => {
    await open("fill-mask", BASE);
    await page.getByText("“Fill mask” wants a masked language model").waitFor();
    const links = page.getByRole("main").getByRole("listitem").getByRole("link");
    expect(await links.allInnerTexts()).toEqual(["ft:tiny:masks"]);
    await links.click();
    await field("Text with [MASK] where a token is to be found").waitFor();
  });

  test("a model whose files cannot be read says so", async () => {
    await page.goto(`${server.url}/#/try?model=${encodeURIComponent(BROKEN)}`);
    await page.getByText("This model cannot be asked anything").waitFor();
    expect(await page.getByRole("alert").innerText()).toContain("config.json: expected it in the model's folder");
  });

  test("choosing another model keeps the tab where both have it", async () => {
    await open("tokens", BASE);
    await models().selectOption("ft:tiny:moods");
    await eventually(() => expect(page.url()).toContain("#/try/tokens?model=ft%3Atiny%3Amoods"));
  });
});

describe("embeddings", () => {
  const texts = golden.texts.slice(0, 5);

  test("the heat map and the neighbours have sentence-transformers' cosines", async () => {
    await open("embeddings", BASE);
    await field("Texts, one on each line").fill(texts.join("\n"));
    const section = await send();
    const expected = texts.flatMap((_, row) =>
      texts.map((__, column) => cosine(golden.embeddings[row]!, golden.embeddings[column]!)),
    );
    expectNear(await numbers(section.locator(".heat td")), expected, 0.0051);
    const best = texts.map((_, row) =>
      Math.max(...expected.slice(row * 5, row * 5 + 5).filter((__, column) => column !== row)),
    );
    const neighbours = section.getByRole("region", { name: "Nearest neighbour of each text" });
    expectNear(await numbers(neighbours.locator("td.number")), best);
    expect(await section.locator(".pca circle").count()).toBe(5);
    expect(await section.getByText(/first component: \d+ %/).count()).toBe(1);
  });

  test("with a prompt they are those of the prompt, and the request says so", async () => {
    await open("embeddings", BASE);
    await field("Texts, one on each line").fill(texts.slice(0, 2).join("\n"));
    await page.getByLabel("Prompt").selectOption("query");
    const section = await send();
    const [a, b] = golden.query_embeddings;
    const expected = cosine(a!, b!);
    expectNear(await numbers(section.locator("td.number")), [expected, expected]);
    await page.getByText("The request:").click();
    await page.getByText('"prompt_name":"query"').waitFor();
    await page.getByLabel("Prompt").selectOption("");
  });

  test("300 texts are asked for in as many requests as the server takes, and any two can be looked up", async () => {
    await open("embeddings", BASE);
    const many = Array.from({ length: 300 }, (_, index) => `${golden.texts[index % 5]} ${index}`);
    many.splice(200, 1, golden.texts[1]!);
    many.splice(7, 1, golden.texts[0]!);
    let numRequests = 0;
    page.on("request", (request) => (numRequests += request.url().endsWith("/v1/embeddings") ? 1 : 0));
    await field("Texts, one on each line").fill(many.join("\n"));
    const section = await send();
    expect(numRequests).toBe(3);
    await page.getByRole("spinbutton", { name: "Row" }).fill("8");
    await page.getByRole("spinbutton", { name: "Column" }).fill("201");
    const expected = cosine(golden.embeddings[0]!, golden.embeddings[1]!);
    expectNear(await numbers(section.locator(".pair-score")), [expected]);
    expect(await section.locator("tbody tr").count()).toBe(300);
    await section.getByRole("button", { name: `8 ${golden.texts[0]}` }).click();
    expect(await section.locator(".pca line").count()).toBe(3);
  });
});

test("fill mask: the pipeline's tokens and scores; one that is chosen from the keyboard is put in", async () => {
  const [one] = fillMask.cases;
  const fillings = one!.answers as readonly Filling[];
  await open("fill-mask", "ft:tiny:masks");
  const text = field("Text with [MASK] where a token is to be found");
  await text.fill(one!.request.inputs as string);
  const section = await send();
  expect(await section.getByRole("listitem").getByRole("button").allInnerTexts()).toEqual(
    fillings.map((each) => each.token_str),
  );
  expectNear(
    await numbers(section.locator(".bar-number")),
    fillings.map((each) => each.score),
  );
  await section.getByRole("button", { name: fillings[1]!.token_str, exact: true }).focus();
  await page.keyboard.press("Enter");
  expect(await text.inputValue()).toBe(fillings[1]!.sequence);
});

test("answers: the pipeline's, with their places behind an emoji marked", async () => {
  const { request, answers } = questionAnswering.cases[1]!;
  const expected = answers as readonly Answer[];
  await open("answer", "ft:tiny:answers");
  await field("Text that has the answer").fill(request.context);
  await field("Question").fill(request.question);
  await page.getByRole("spinbutton", { name: "Answers" }).fill(String(request.top_k));
  await page.getByLabel("There may be no answer").uncheck();
  const section = await send();
  expectNear(
    await numbers(section.locator(".bar-number")),
    expected.map(({ score }) => score),
  );
  expect(await section.locator("mark").allInnerTexts()).toEqual([expected[0]!.answer]);
  await section.getByRole("radio").nth(1).check();
  expect(await section.locator("mark").allInnerTexts()).toEqual([expected[1]!.answer]);
});

test("labels: the pipeline's, of a text and of a pair", async () => {
  const [one, pair] = textClassification.cases;
  await open("classify", "ft:tiny:moods");
  await field("Text").fill(one!.request.text);
  const section = await send();
  const shown = async () => ({
    labels: await section.locator(".bar-label").allInnerTexts(),
    scores: await numbers(section.locator(".bar-number")),
  });
  const single = await shown();
  expect(single.labels).toEqual(one!.answers.map(({ label }) => label));
  expectNear(
    single.scores,
    one!.answers.map(({ score }) => score),
  );
  await page.getByLabel("The model reads pairs").check();
  await field("First text").fill(pair!.request.text);
  await field("Second text").fill(pair!.request.text_pair!);
  await page.keyboard.press("Control+Enter");
  await eventually(async () =>
    expectNear(
      (await shown()).scores,
      pair!.answers.map(({ score }) => score),
    ),
  );
});

test("rerank: texts in the order of the pipeline's scores", async () => {
  const { cases } = textRanking;
  const ranked = cases.toSorted((a, b) => b.answers[0].score - a.answers[0].score);
  await open("rerank", "ft:tiny:ranks");
  await field("Query").fill(cases[0]!.request.text);
  await field("Texts, one on each line").fill(cases.map(({ request }) => request.text_pair).join("\n"));
  const section = await send();
  expect(await section.locator(".bar-label").allInnerTexts()).toEqual(ranked.map(({ request }) => request.text_pair));
  expectNear(
    await numbers(section.locator(".bar-number")),
    ranked.map(({ answers: [{ score }] }) => score),
  );
});

test("labels of a model with one number: that number, of which the pipeline's score is the logistic function", async () => {
  const { request, answers } = textRanking.cases[0]!;
  await open("classify", "ft:tiny:ranks");
  await page.getByLabel("The model reads pairs").check();
  await field("First text").fill(request.text);
  await field("Second text").fill(request.text_pair);
  const [value] = await numbers((await send()).locator(".bar-number"));
  expectNear([1 / (1 + Math.exp(-value!))], [answers[0].score]);
  await page.getByLabel("The model reads pairs").uncheck();
});

test("token labels: the pipeline's, at their places in a text with an emoji", async () => {
  const [{ request, answers }] = tokenClassification.cases as [(typeof tokenClassification.cases)[number]];
  const characters = Array.from(request.inputs);
  await open("tags", "ft:tiny:crew");
  await field("Text").fill(request.inputs);
  const section = await send();
  const words = answers.map(({ start, end }) => characters.slice(start, end).join(""));
  expect(await section.locator("mark").allInnerTexts()).toEqual(
    answers.map(({ entity_group }, index) => `${words[index]} ${entity_group}`),
  );
  expectNear(
    await numbers(section.locator("td:nth-child(3)")),
    answers.map(({ score }) => score),
  );
});

test("next sentence: PyTorch's probability", async () => {
  const [{ request, answers }] = nextSentence.cases as [(typeof nextSentence.cases)[number]];
  await open("next-sentence", "ft:tiny:next");
  await field("First text").fill(request.text);
  await field("Second text").fill(request.text_pair);
  expectNear(await numbers((await send()).locator(".bar-number")), answers);
});

test("tokens: the tokenizer's ids, and what the model does not read of a long text", async () => {
  await open("tokens", BASE);
  const long = golden.texts.findIndex((text) => text.startsWith("x x x"));
  const idsOf = async (text: string) => {
    await field("Text").fill(text);
    const section = await send();
    const rows = section.locator("tbody tr");
    return { all: await numbers(rows.locator("td:nth-child(2)")), cut: await section.locator(".token.is-cut").count() };
  };
  const emoji = golden.texts.findIndex((text) => text.includes("😀"));
  expect(await idsOf(golden.texts[emoji]!)).toEqual({ all: golden.token_ids[emoji], cut: 0 });
  await page.getByText("[CLS]").first().waitFor();
  await page.reload();
  const { all, cut } = await idsOf(golden.texts[long]!);
  // sentence-transformers has cut it to 64, the last of which is [SEP].
  expect(golden.token_ids[long]).toHaveLength(64);
  expect(all.slice(0, 63)).toEqual(golden.token_ids[long]!.slice(0, 63));
  expect(cut).toBe(all.length - 64);
  await page.getByLabel("Show bytes").check();
  await page.locator(".token").getByText("78", { exact: true }).first().waitFor();
});

describe("requests", () => {
  test("what the server refuses is told in its words", async () => {
    await open("fill-mask", "ft:tiny:masks");
    await field("Text with [MASK] where a token is to be found").fill("no mask in it");
    await page.keyboard.press("Control+Enter");
    const alert = page.getByRole("alert");
    await alert.waitFor();
    expect(await alert.innerText()).toBe(
      "input 0: expected at least one [MASK], got none in it (put it where a token is to be predicted)",
    );
    // Chromium logs the status by itself.
    expect(browser.takeProblems().filter((line) => !line.includes("422"))).toEqual([]);
  });

  test("a server that is gone is told, and the next answer takes its place", async () => {
    await open("classify", "ft:tiny:moods");
    await page.route("**/predict", (route) => route.abort());
    await page.keyboard.press("Control+Enter");
    await page.getByRole("alert").getByText("The server does not answer. Is it still running?").waitFor();
    await page.unroute("**/predict");
    await send();
    expect(await page.getByRole("alert").count()).toBe(0);
    // Chromium logs the failure by itself.
    expect(browser.takeProblems().filter((line) => !line.includes("ERR_FAILED"))).toEqual([]);
  });

  test("the curl command gives in a shell what the page shows", async () => {
    const { request, answers } = textClassification.cases[0]!;
    await open("classify", "ft:tiny:moods");
    await page.getByLabel("The model reads pairs").uncheck();
    await field("Text").fill(request.text);
    await page.getByText("The request:").click();
    const command = await page.getByRole("region", { name: "The request as a curl command" }).innerText();
    const output = execFileSync("sh", ["-c", command], { stdio: ["ignore", "pipe", "ignore"] });
    const scores = JSON.parse(output.toString()) as { label: string; score: number }[];
    expect(scores.map(({ label }) => label)).toEqual(answers.map(({ label }) => label));
  });

  test("one that another follows is aborted, and the answer is the other's", async () => {
    const { request, answers } = textClassification.cases[0]!;
    await open("classify", "ft:tiny:moods");
    const aborted: string[] = [];
    page.on("requestfailed", (each) => aborted.push(each.failure()?.errorText ?? ""));
    const slow = Promise.withResolvers<void>();
    await page.route("**/predict", async (route) => {
      if (route.request().postData()!.includes("slow one")) await slow.promise;
      await route.continue().catch(() => {});
    });
    await field("Text").fill("slow one");
    await page.keyboard.press("Control+Enter");
    await page.getByText("Waiting for the answer").waitFor();
    await field("Text").fill(request.text);
    const section = await send();
    slow.resolve();
    expectNear(
      await numbers(section.locator(".bar-number")),
      answers.map(({ score }) => score),
    );
    await eventually(() => expect(aborted).toEqual(["net::ERR_ABORTED"]));
    await page.unroute("**/predict");
  });
});

const tabs = [
  ["embeddings", BASE],
  ["fill-mask", "ft:tiny:masks"],
  ["answer", "ft:tiny:answers"],
  ["classify", "ft:tiny:moods"],
  ["rerank", "ft:tiny:ranks"],
  ["tags", "ft:tiny:crew"],
  ["next-sentence", "ft:tiny:next"],
  ["tokens", BASE],
] as const;

test("pictures, of the model in the box", async () => {
  // Without what was typed in other tests.
  await page.reload();
  await page.setViewportSize({ width: 960, height: 780 });
  for (const tab of ["embeddings", "tokens"] as const) {
    await open(tab, PACKAGED_MODEL);
    // Five lines of nine, for a smaller file.
    if (tab === "embeddings") {
      const texts = field("Texts, one on each line");
      const lines = (await texts.inputValue()).split("\n");
      await texts.fill(lines.filter((_, index) => index % 2 === 0).join("\n"));
    }
    await page.getByRole("button", { name: /^(Compare|Tokenize)$/ }).click();
    await answer();
    await picture(page, `try-${tab}`);
  }
  expect(await page.locator(".token").count()).toBeGreaterThan(0);
});

test.each([
  ["light", 1280],
  ["dark", 360],
] as const)(
  "%s, %i pixels wide: axe-core finds nothing on any tab with its answer, and none is wider than the screen",
  async (colorScheme, width) => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 780 });
    await page.reload();
    for (const [tab, model] of tabs) {
      await open(tab, model);
      await page.getByRole("button", { name: /^(Ask|Compare|Rank|Tokenize)$/ }).click();
      await answer();
      await page.getByText("The request:").click();
      await expectAccessible(page);
      expect(await page.locator("html").evaluate((html) => html.scrollWidth), tab).toBeLessThanOrEqual(width);
    }
  },
);
