/**
 * @file `/predict`, `/rerank` and `/next-sentence` of real processes, against the graph of the task on the reference engine (float64)
 * and a softmax of this file. The models are the tiny encoder with heads that are made from a seed.
 */
import { createReferenceEngine, hostParameters, runToHost, type HostTensor } from "@stagecoach/engine";
import { loadTokenizer } from "@stagecoach/tokenizer/node";
import { openInitialParameters } from "@stagecoach/training/node";
import {
  taskConfigFields,
  checkpointNameOf,
  taskParameters,
  stageGraph,
  trainingStageInputs,
  type Task,
} from "@stagecoach/transformer";
import { writeSafetensors } from "@stagecoach/transformer/node";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { copyModel, editJson, type ModelCopy } from "../harness/modelFolders.ts";
import { tinyEncoder } from "../harness/paths.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";
import { eventually } from "../harness/eventually.ts";

const TOLERANCE = 1e-5;
const labels = ["calm", "glad", "sad"];
const classes: Task = {
  name: "sequence-classification",
  problemType: "single_label_classification",
  numLabels: 3,
};
const ranking: Task = { name: "sequence-classification", problemType: "regression", numLabels: 1 };
const tags: Task = { name: "token-classification", numLabels: 3 };
const tagLabels = ["O", "B-CAR", "I-CAR"];

type Input = string | readonly [string, string];
type Scores = readonly { readonly label: string; readonly score: number }[];
type Span = { entity_group: string; score: number; word: string; start: number; end: number };
type TaskFolder = ModelCopy & { readonly logitsOf: (input: Input) => Promise<number[]> };

/** A folder with the tiny encoder and a head for the task, and what the reference engine gives for it. */
async function makeTaskModel(task: Task, names?: readonly string[]): Promise<TaskFolder> {
  const initial = await openInitialParameters(tinyEncoder, { task, seed: 3, replaceHead: false });
  const { model } = initial;
  const weights: Record<string, HostTensor> = {};
  for (const { name } of taskParameters(model)) weights[name] = await initial.parameter(name);
  await initial.close();
  const copy = copyModel((folder) => editJson(join(folder, "config.json"), taskConfigFields(model, names)));
  await writeSafetensors(
    join(copy.folder, "model.safetensors"),
    new Map(
      Object.entries(weights).map(([name, { shape, data }]) => [
        checkpointNameOf(model, name),
        { dtype: "F32" as const, shape, data: Float32Array.from(data) },
      ]),
    ),
  );
  const graph = stageGraph(model, { start: 0, end: model.config.numLayers }, { task: model.task });
  const executable = await createReferenceEngine().compile(graph, hostParameters(weights));
  const tokenizer = await loadTokenizer(tinyEncoder);
  const logitsOf = async (input: Input) => {
    const [text, pair] = typeof input === "string" ? [input] : input;
    const { ids, typeIds } = tokenizer.encode(text, pair === undefined ? {} : { pair });
    const batch = {
      inputIds: Int32Array.from(ids),
      tokenTypeIds: Int32Array.from(typeIds),
      lengths: Int32Array.of(ids.length),
      textIds: Int32Array.of(0),
      targets: {},
      counts: {},
    };
    const outputs = await runToHost(executable, trainingStageInputs(model, graph.inputs, batch));
    return [...(outputs["logits"] ?? outputs["next_sentence_logits"])!.data].map(Number);
  };
  return Object.assign(copy, { logitsOf });
}

function softmax(logits: readonly number[]): number[] {
  const powers = logits.map((value) => Math.exp(value - Math.max(...logits)));
  return powers.map((power) => power / powers.reduce((a, b) => a + b, 0));
}
function expectScores(scores: Scores, expected: readonly number[]): void {
  expect(scores.map(({ score }) => score)).toEqual(scores.map(({ score }) => score).toSorted((a, b) => b - a));
  expect(scores.map(({ label }) => label).toSorted()).toEqual(labels.toSorted());
  for (const { label, score } of scores)
    expect(Math.abs(score - expected[labels.indexOf(label)]!)).toBeLessThan(TOLERANCE);
}
async function ask<Answer>(server: TestServer, path: string, body: object): Promise<Answer> {
  const response = await server.post(path, body);
  expect({ path, status: response.status }).toEqual({ path, status: 200 });
  return (await response.json()) as Answer;
}
const texts = ["the stages of a coach", "layers", "workers of the layers pass a text"];

describe.each([1, 2])("a classifier in %i stages", (numStages) => {
  let model: TaskFolder;
  let server: TestServer;
  beforeAll(async () => {
    model = await makeTaskModel(classes, labels);
    server = await startServer({ model: model.folder, flags: ["--stages", String(numStages)] });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    model[Symbol.dispose]();
  });

  test("/predict: a text, a pair and a batch of both have the reference's probabilities", async () => {
    const pair = ["the coach", "layers of text"] as const;
    expectScores(await ask(server, "/predict", { inputs: texts[0] }), softmax(await model.logitsOf(texts[0]!)));
    expectScores(await ask(server, "/predict", { inputs: pair }), softmax(await model.logitsOf(pair)));
    const batch = await ask<Scores[]>(server, "/predict", { inputs: [pair, ...texts] });
    expect(batch.length).toBe(4);
    for (const [index, input] of [pair, ...texts].entries())
      expectScores(batch[index]!, softmax(await model.logitsOf(input)));
  });

  test("raw_scores gives the logits, and a killed worker changes no answer", async () => {
    const body = { inputs: texts.map((text) => [text]), raw_scores: true };
    const before = await ask<Scores[]>(server, "/predict", body);
    for (const [index, text] of texts.entries()) expectScores(before[index]!, await model.logitsOf(text));
    const pid = server.workerPids().at(-1)!.pid;
    process.kill(pid, "SIGKILL");
    await eventually(() => expect(server.workerPids().map((each) => each.pid)).not.toContain(pid), { timeout: 60_000 });
    expect(await ask(server, "/predict", body)).toEqual(before);
  });

  test("what it was not trained for is 424, and a model that is not there 404", async () => {
    const statusOf = async (path: string, body: object) => (await server.post(path, body)).status;
    expect(await statusOf("/rerank", { query: "a", texts })).toBe(424);
    expect(await statusOf("/next-sentence", { inputs: ["a", "b"] })).toBe(424);
    expect(await statusOf("/predict", { inputs: "a", model: "other" })).toBe(404);
  });
});

test("/rerank: texts in the order of the reference's scores", async () => {
  using model = await makeTaskModel(ranking, ["LABEL_0"]);
  await using server = await startServer({ model: model.folder, flags: ["--stages", "2"] });
  const body = { query: "a coach", texts, raw_scores: true, return_text: true };
  const ranked = await ask<{ index: number; score: number; text: string }[]>(server, "/rerank", body);
  const logits = await Promise.all(texts.map(async (text) => (await model.logitsOf(["a coach", text]))[0]!));
  const order = logits.map((_, index) => index).toSorted((a, b) => logits[b]! - logits[a]!);
  expect(ranked.map(({ index }) => index)).toEqual(order);
  for (const { index, score, text } of ranked) {
    expect(Math.abs(score - logits[index]!)).toBeLessThan(TOLERANCE);
    expect(text).toBe(texts[index]);
  }
});

test("/next-sentence: the probability of class 0", async () => {
  using model = await makeTaskModel({ name: "next-sentence" });
  await using server = await startServer({ model: model.folder, flags: ["--stages", "2"] });
  const pair = ["the coach", "layers of text"] as const;
  const [answer] = await ask<{ is_next: number }[]>(server, "/next-sentence", { inputs: [pair] });
  expect(Math.abs(answer!.is_next - softmax(await model.logitsOf(pair))[0]!)).toBeLessThan(TOLERANCE);
});

test("/predict of a tagger: every token's best tag is in the span that covers it, O in none", async () => {
  using model = await makeTaskModel(tags, tagLabels);
  await using server = await startServer({ model: model.folder, flags: ["--stages", "2"] });
  const tokenizer = await loadTokenizer(tinyEncoder);
  const seen = { outside: 0, inside: 0 };
  for (const text of texts) {
    const spans = await ask<Span[]>(server, "/predict", { inputs: text });
    const logits = await model.logitsOf(text);
    const { offsets, length, specialTokensMask } = tokenizer.encode(text, {});
    for (let token = 0; token < length; token++) {
      if (specialTokensMask[token] === 1) continue;
      const row = logits.slice(token * 3, token * 3 + 3);
      const isOutside = row.indexOf(Math.max(...row)) === 0;
      seen[isOutside ? "outside" : "inside"]++;
      const covering = spans.filter(({ start, end }) => start <= offsets[2 * token]! && offsets[2 * token + 1]! <= end);
      expect(covering.length).toBe(isOutside ? 0 : 1);
    }
    for (const { entity_group, word, start, end } of spans)
      expect([entity_group, word]).toEqual(["CAR", text.slice(start, end)]);
  }
  expect(Math.min(seen.outside, seen.inside)).toBeGreaterThan(0);
});
