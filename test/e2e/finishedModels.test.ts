/**
 * @file Every task as a job over HTTP: a small file goes up, and the finished model answers by its name on each route that serves
 * its task, beside the base model. What a single word decides, the models have learned.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OpenAI } from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { largestError } from "../golden/compareEncoder.ts";
import type { Answer, Filling } from "../harness/pipelineFixtures.ts";
import { seededRandom } from "../harness/random.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";
import { toyText, writeToyQuestions } from "../harness/toyTexts.ts";
import { createJob, openAi, reached, upload, type JobRequest } from "../harness/trainingJobs.ts";

const BASE = "org/tiny";
/** Numbers of one text in two requests: other texts beside it in the batch may round otherwise. */
const TOLERANCE = 1e-5;
const learning = { n_epochs: 6, batch_size: 8, learning_rate: 5e-3, micro_batches: 1 };
/** Where several things are to be told apart. */
const longer = { n_epochs: 15, learning_rate: 2e-3 };

/** One request for each route that asks a task's model. */
const requests = {
  "/predict": { inputs: "the layers" },
  "/rerank": { query: "the", texts: ["layers", "workers"] },
  "/fill-mask": { inputs: "the [MASK]" },
  "/next-sentence": { inputs: ["the", "layers"] },
  "/answer": { inputs: { question: "the", context: "layers" } },
} as const;
type Path = keyof typeof requests;
type Scores = readonly { readonly label: string; readonly score: number }[];
type Span = { readonly entity_group: string; readonly word: string; readonly start: number; readonly end: number };

const random = seededRandom(20261127);
const text = (...words: readonly string[]) => toyText(random, words);
const rowsOf = <Row>(numRows: number, make: (row: number) => Row): Row[] =>
  Array.from({ length: numRows }, (_, row) => make(row));
const jsonl = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

let folder: string;
let server: TestServer;
let client: OpenAI;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stagecoach-tasks-"));
  server = await startServer({ flags: ["--stages", "2", "--served-model-name", BASE] });
  client = openAi(server);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** A job on a file of this name and content, on one stage unless it says otherwise. @returns the finished model's name */
async function train(name: string, content: string | null, request: JobRequest = {}): Promise<string> {
  const path = join(folder, name);
  if (content !== null) writeFileSync(path, content);
  const file = await upload(client, path);
  const id = await createJob(
    client,
    { model: BASE, file },
    { stages: 1, ...request, hyperparameters: { ...learning, ...request.hyperparameters } },
  );
  return (await reached(client, id, "succeeded")).fine_tuned_model!;
}

async function ask<Result>(path: Path, body: object): Promise<Result> {
  const response = await server.post(path, body);
  const answer: unknown = await response.json();
  expect({ path, status: response.status, answer }).toMatchObject({ status: 200 });
  return answer as Result;
}

/** The model is listed beside the base model, and both give vectors, each its own. */
async function expectBesideBase(model: string): Promise<void> {
  const listed = (await client.models.list()).data.map(({ id }) => id);
  expect(listed).toEqual(expect.arrayContaining([BASE, model]));
  const vectorOf = async (name: string) => {
    const { data } = await client.embeddings.create({ model: name, input: "the layers", encoding_format: "float" });
    return data[0]!.embedding;
  };
  const [own, base] = [await vectorOf(model), await vectorOf(BASE)];
  for (const vector of [own, base]) {
    expect(vector).toHaveLength(32);
    expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
  }
  expect(largestError(own, base)).toBeGreaterThan(1e-3);
  const [native] = (await (await server.post("/embed", { inputs: ["the layers"], model })).json()) as number[][];
  expect(largestError(native!, own)).toBeLessThan(TOLERANCE);
}

/** These routes answer, and no other: those say what the model was trained for. The model's entry in the list says the same. */
async function expectRoutes(model: string, task: string, served: readonly Path[]): Promise<void> {
  const { stagecoach } = (await (await server.get(`/v1/models/${model}`)).json()) as {
    stagecoach: { task: string; routes: string[] };
  };
  expect(stagecoach.task).toBe(task);
  expect(stagecoach.routes.filter((route) => route in requests).toSorted()).toEqual(served.toSorted());
  for (const [path, request] of Object.entries(requests)) {
    const response = await server.post(path, { ...request, model });
    const isServed = (served as readonly string[]).includes(path);
    expect({ path, status: response.status }).toEqual({ path, status: isServed ? 200 : 424 });
    if (isServed) continue;
    const { error } = (await response.json()) as { error: string };
    // A classifier can rank, but has more than one score to do it by.
    const isClassifier = path === "/rerank" && task === "sequence-classification";
    expect(error).toContain(isClassifier ? "got 2 labels (use /predict)" : `\`${model}\` was trained for ${task}`);
  }
}

const sigmoid = (value: number) => 1 / (1 + Math.exp(-value));

describe("a finished job's model", () => {
  test("of pairs with one label each", async () => {
    const labels = ["busy", "thick"];
    const make = (row: number) => {
      const label = labels[row % 2]!;
      return { text: text(), text_pair: text(label === "thick" ? "layers" : "workers"), label };
    };
    const model = await train("pairs.jsonl", jsonl(rowsOf(256, make)));
    await expectBesideBase(model);
    await expectRoutes(model, "sequence-classification", ["/predict"]);

    const unseen = rowsOf(16, make);
    const pairs = unseen.map((row) => [row.text, row.text_pair]);
    const answers = await ask<Scores[]>("/predict", { inputs: pairs, model });
    expect(answers.map(([best]) => best!.label)).toEqual(unseen.map(({ label }) => label));
    for (const scores of answers) {
      expect(scores.map(({ label }) => label).toSorted()).toEqual(labels);
      expect(scores[0]!.score).toBeGreaterThan(scores[1]!.score);
      expect(scores[0]!.score + scores[1]!.score).toBeCloseTo(1, 6);
    }
    const [alone, raw] = [
      await ask<Scores>("/predict", { inputs: pairs[0], model }),
      await ask<Scores>("/predict", { inputs: pairs[0], model, raw_scores: true }),
    ];
    expect(alone.map(({ label }) => label)).toEqual(answers[0]!.map(({ label }) => label));
    expect(Math.abs(alone[0]!.score - answers[0]![0]!.score)).toBeLessThan(TOLERANCE);
    // A softmax over two classes is a sigmoid of the difference.
    expect(Math.abs(sigmoid(raw[0]!.score - raw[1]!.score) - alone[0]!.score)).toBeLessThan(TOLERANCE);
  });

  test("of texts with any number of labels", async () => {
    const words = { people: "workers", things: "layers" };
    const make = (row: number) => {
      const label = [
        ...(row % 2 === 0 ? ["people"] : []),
        ...(row % 4 < 2 ? ["things"] : []),
      ] as (keyof typeof words)[];
      return { text: text(...label.map((name) => words[name])), label };
    };
    const model = await train("labels.jsonl", jsonl(rowsOf(256, make)), { stages: 2, hyperparameters: longer });
    await expectBesideBase(model);
    await expectRoutes(model, "sequence-classification", ["/predict"]);

    const unseen = rowsOf(16, make);
    const answers = await ask<Scores[]>("/predict", { inputs: unseen.map((row) => [row.text]), model });
    const given = answers.map((scores) => scores.filter(({ score }) => score > 0.5).map(({ label }) => label));
    expect(given.map((each) => each.toSorted())).toEqual(unseen.map(({ label }) => label));
    for (const scores of answers) expect(scores.map(({ label }) => label).toSorted()).toEqual(Object.keys(words));
  });

  test("of scores for pairs ranks texts", async () => {
    const targets = { layers: 1.5, workers: -0.5 };
    const word = (row: number) => (row % 2 === 0 ? "layers" : "workers");
    const csv = rowsOf(256, (row) => `${text()},${text(word(row))},${targets[word(row)]}\n`);
    const model = await train("scores.csv", `text,text_pair,score\n${csv.join("")}`, { stages: 2 });
    await expectBesideBase(model);
    await expectRoutes(model, "sequence-classification", ["/predict", "/rerank"]);

    const body = { query: text(), texts: rowsOf(8, (row) => text(word(row))), model };
    type Ranked = readonly { readonly index: number; readonly score: number; readonly text?: string }[];
    const raw = await ask<Ranked>("/rerank", { ...body, raw_scores: true });
    const ranked = await ask<Ranked>("/rerank", { ...body, return_text: true });
    expect(raw.map(({ index }) => word(index))).toEqual(rowsOf(8, (place) => (place < 4 ? "layers" : "workers")));
    for (const { index, score } of raw) expect(Math.abs(score - targets[word(index)])).toBeLessThan(0.75);
    expect(ranked.map(({ text: each }) => each)).toEqual(raw.map(({ index }) => body.texts[index]));
    const scores = await ask<Scores[]>("/predict", { inputs: body.texts.map((each) => [body.query, each]), model });
    for (const [place, { index, score }] of ranked.entries()) {
      expect(Math.abs(score - sigmoid(raw[place]!.score))).toBeLessThan(TOLERANCE);
      expect(scores[index]!.map(({ label }) => label)).toEqual(["LABEL_0"]);
      expect(Math.abs(score - scores[index]![0]!.score)).toBeLessThan(TOLERANCE);
    }
  });

  test("of tokens with tags", async () => {
    const tags: Readonly<Record<string, string>> = { layers: "B-PART", pre: "I-PART", workers: "B-WHO" };
    const make = (row: number) => {
      const phrases = [["layers"], ["layers pre"], ["workers"], ["layers pre", "workers"]][row % 4]!;
      const tokens = text(...phrases).split(" ");
      return { tokens, tags: tokens.map((token) => tags[token] ?? "O") };
    };
    const model = await train("tags.jsonl", jsonl(rowsOf(256, make)), { hyperparameters: longer });
    await expectBesideBase(model);
    await expectRoutes(model, "token-classification", ["/predict"]);

    const inputs = ["of the layers pre in a workers cons", "in a stag"];
    const expected = [
      { entity_group: "PART", word: "layers pre", start: 7, end: 17 },
      { entity_group: "WHO", word: "workers", start: 23, end: 30 },
    ].map((span) => ({ ...span, score: expect.any(Number) as number }));
    expect(await ask<Span[]>("/predict", { inputs: inputs[0], model })).toEqual(expected);
    expect(await ask<Span[][]>("/predict", { inputs: inputs.map((each) => [each]), model })).toEqual([expected, []]);
  });

  test("of questions finds answers", async () => {
    writeToyQuestions(join(folder, "questions.jsonl"), 256);
    const model = await train("questions.jsonl", null, { stages: 2 });
    await expectBesideBase(model);
    await expectRoutes(model, "question-answering", ["/answer"]);

    const question = "the of in";
    const inputs = ["layers", "workers"].map((word) => ({ question, context: `in the ${word} in a stag` }));
    const answers = await ask<Answer[]>("/answer", { inputs, model });
    expect(answers.map(({ answer, start, end }) => [answer, start, end])).toEqual([
      ["layers", 7, 13],
      ["workers", 7, 14],
    ]);
    for (const { score } of answers) expect(score).toBeGreaterThan(0.5);
    const several = await ask<Answer[]>("/answer", { inputs: inputs[1], model, top_k: 2 });
    expect(several.map(({ answer }) => answer)).toEqual(["workers", expect.any(String)]);
  });

  test("of choices ranks them", async () => {
    const make = (row: number) => {
      const label = row % 3;
      const choices = rowsOf(3, (choice) => text(choice === label ? "layers" : "workers"));
      return { prompt: text(), choices, label };
    };
    const model = await train("choices.jsonl", jsonl(rowsOf(96, make)));
    await expectBesideBase(model);
    // There is no route for choices alone: each is scored with its prompt, as a re-ranker scores texts.
    await expectRoutes(model, "multiple-choice", ["/predict", "/rerank"]);
    for (const { prompt, choices, label } of rowsOf(6, make)) {
      const ranked = await ask<{ index: number }[]>("/rerank", { query: prompt, texts: choices, model });
      expect(ranked).toHaveLength(3);
      expect(ranked[0]!.index).toBe(label);
    }
  });

  const sentences = ["the layers of a stag", "in cons workers for the"];
  const masked = ["the [MASK] of a stag", "in cons [MASK] for the"];

  test("of masked tokens fills them in", async () => {
    const content = rowsOf(256, (row) => `${sentences[row % 2]}\n`).join("");
    const hyperparameters = { mlm_probability: 0.3 };
    const model = await train("lines.txt", content, { stages: 2, hyperparameters });
    await expectBesideBase(model);
    await expectRoutes(model, "masked-lm", ["/fill-mask"]);
    const fillings = await expectFillings(model);
    expect(fillings.map(([best]) => best!.sequence)).toEqual(sentences);
    expect(fillings.map(([best]) => best!.token_str)).toEqual(["layers", "workers"]);
  });

  /** Five tokens for each mask, the likeliest first. */
  async function expectFillings(model: string): Promise<Filling[][]> {
    const fillings = await ask<Filling[][]>("/fill-mask", { inputs: masked, model });
    expect(fillings.map(({ length }) => length)).toEqual([5, 5]);
    for (const scores of fillings.map((each) => each.map(({ score }) => score)))
      expect(scores).toEqual(scores.toSorted((one, other) => other - one));
    return fillings;
  }

  /** Two sentences each, of one kind. */
  const documents = jsonl(rowsOf(64, (row) => ({ sentences: rowsOf(2, () => sentences[row % 2]!) })));

  /** Probabilities, one for each pair. */
  async function expectNextSentences(model: string): Promise<void> {
    const inputs = [sentences, sentences.toReversed()];
    const answers = await ask<{ is_next: number }[]>("/next-sentence", { inputs, model });
    expect(answers).toHaveLength(2);
    for (const { is_next: probability } of answers) {
      expect(probability).toBeGreaterThan(0);
      expect(probability).toBeLessThan(1);
    }
    const [alone] = await ask<{ is_next: number }[]>("/next-sentence", { inputs: sentences, model });
    expect(Math.abs(alone!.is_next - answers[0]!.is_next)).toBeLessThan(TOLERANCE);
  }

  test("of next sentences", async () => {
    const hyperparameters = { n_epochs: 1 };
    const model = await train("documents.jsonl", documents, { task: "next-sentence", hyperparameters });
    await expectBesideBase(model);
    await expectRoutes(model, "next-sentence", ["/next-sentence"]);
    await expectNextSentences(model);
  });

  test("of pre-training on documents", async () => {
    const hyperparameters = { n_epochs: 1 };
    const model = await train("documents.jsonl", documents, { task: "pretraining", stages: 2, hyperparameters });
    await expectBesideBase(model);
    await expectRoutes(model, "pretraining", ["/fill-mask", "/next-sentence"]);
    await expectFillings(model);
    await expectNextSentences(model);
  });

  test("of texts that belong together: on two stages, and it gives vectors by which they are near each other", async () => {
    const words = ["layers", "workers"];
    const make = (row: number) => ({ anchor: text(words[row % 2]!), positive: text(words[row % 2]!) });
    const hyperparameters = { ...longer, micro_batches: 2, matryoshka_dimensions: [32, 8] };
    const model = await train("together.jsonl", jsonl(rowsOf(128, make)), { stages: 2, hyperparameters });
    await expectBesideBase(model);
    const unseen = rowsOf(8, make).flatMap(({ anchor }) => anchor);
    const similarities = async (name: string, dimensions: number) => {
      const { data } = await client.embeddings.create({ model: name, input: unseen, dimensions });
      const of = (a: number, b: number) =>
        data[a]!.embedding.reduce((total, value, place) => total + value * data[b]!.embedding[place]!, 0);
      return { together: of(0, 2) + of(1, 3) + of(4, 6), apart: of(0, 1) + of(2, 3) + of(4, 5) };
    };
    for (const dimensions of [32, 8]) {
      const [own, base] = [await similarities(model, dimensions), await similarities(BASE, dimensions)];
      expect(own.together - own.apart).toBeGreaterThan(1);
      expect(own.together - own.apart).toBeGreaterThan(base.together - base.apart);
    }
    for (const [path, request] of Object.entries(requests))
      expect({ path, status: (await server.post(path, { ...request, model })).status }).toEqual({ path, status: 424 });
  });
});
