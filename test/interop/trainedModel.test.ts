/** @file Models that we have trained, one of every head, in Python: transformers and sentence-transformers load them, and give what we give. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadEncoder } from "stagecoach";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Filling } from "../harness/pipelineFixtures.ts";
import { tinyEncoder } from "../harness/paths.ts";
import { runPython } from "../harness/python.ts";
import { startServer } from "../harness/startServer.ts";
import { toyNames, type ToyName } from "../harness/toyTasks.ts";
import {
  serveHead,
  trainTinyModel,
  trainTinySentences,
  type HeadInput,
  type HeadOutputs,
} from "../harness/trainedModel.ts";

type LabelScore = { readonly label: string; readonly score: number };
type Span = { readonly entity_group: string; readonly score: number; readonly start: number; readonly end: number };
type Python = {
  readonly ids: HeadOutputs["ids"][];
  readonly outputs: HeadOutputs["outputs"][];
  readonly labels: readonly string[];
  readonly vectors: readonly (readonly number[])[];
  /** Of the task's pipeline, for each text that it was asked about. */
  readonly answers: readonly unknown[] | null;
  readonly ranked: readonly { readonly corpus_id: number; readonly score: number }[] | null;
  readonly loading: Readonly<Record<string, readonly string[]>>;
  readonly architecture: string;
};
type Case = {
  readonly architecture: string;
  readonly inputs: readonly HeadInput[];
  readonly labels?: readonly string[];
  /** For the pipeline of transformers, and for a server of ours. */
  readonly asked?: readonly string[];
  readonly query?: string;
};

const TOLERANCE = 1e-5;
const NUM_STEPS = 30;

const texts = ["the layers of a stag", "workers", "a cons in the workers in the layers", "Caf\u00e9, unseen!"];
const pairs = [
  ["the layers", "a cons in the workers of a stag"],
  ["workers", "the layers"],
] as const;
const masked = ["the [MASK] of a stag", "[MASK] in the workers", "Caf\u00e9 in a [MASK]!"];
const query = "the workers";

const classifier = "BertForSequenceClassification";
const cases: Readonly<Record<ToyName, Case>> = {
  "sequence-classification": {
    architecture: classifier,
    inputs: [...texts, ...pairs],
    labels: ["no", "yes"],
    asked: texts,
  },
  "multi-label": { architecture: classifier, inputs: texts, labels: ["layers", "third", "workers"], asked: texts },
  regression: { architecture: classifier, inputs: texts, labels: ["LABEL_0"] },
  "re-ranking": { architecture: classifier, inputs: pairs, labels: ["LABEL_0"], query },
  "token-classification": {
    architecture: "BertForTokenClassification",
    inputs: texts,
    labels: ["B-CAR", "I-ROAD"],
    asked: texts,
  },
  "question-answering": { architecture: "BertForQuestionAnswering", inputs: pairs },
  "multiple-choice": { architecture: "BertForMultipleChoice", inputs: [pairs, [...pairs, ["a", "layers"]]] },
  "masked-lm": { architecture: "BertForMaskedLM", inputs: [...texts, ...masked], asked: masked },
  "next-sentence": { architecture: "BertForNextSentencePrediction", inputs: pairs },
  pretraining: { architecture: "BertForPreTraining", inputs: [...pairs, ...masked] },
};

let folder: string;
let folders: Readonly<Record<ToyName, string>>;
/** A model of sentence vectors, without a head. */
let sentences: string;
let pythonSentences: Python;
let python: Readonly<Record<ToyName, Python>>;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stagecoach-trained-"));
  const trained: string[] = [];
  for (const toy of toyNames) trained.push(await trainTinyModel(join(folder, toy), toy, { numSteps: NUM_STEPS }));
  folders = byName(trained);
  const asked = toyNames.map((toy) => {
    const { inputs, asked: questions, query: wanted } = cases[toy];
    return { folder: folders[toy], inputs, texts, asked: questions, query: wanted };
  });
  sentences = await trainTinySentences(join(folder, "sentences"), tinyEncoder, NUM_STEPS);
  const { models } = await runPython<{ models: Python[] }>("trained_model.py", {
    models: [...asked, { folder: sentences, inputs: [], texts }],
  });
  python = byName(models);
  pythonSentences = models.at(-1)!;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const byName = <T>(values: readonly T[]) =>
  Object.fromEntries(toyNames.map((toy, index) => [toy, values[index]!])) as Record<ToyName, T>;

function expectClose(ours: ArrayLike<number>, theirs: ArrayLike<number>): void {
  expect(ours.length).toBe(theirs.length);
  expect(ours.length).toBeGreaterThan(0);
  const differences = Array.from(ours, (value, index) => Math.abs(value - theirs[index]!));
  expect(Math.max(...differences)).toBeLessThan(TOLERANCE);
}

describe.each(toyNames)("a model that was trained for %s", (toy) => {
  test("transformers loads it as its class, with nothing missing, nothing left over, and our labels", () => {
    const { architecture, loading, labels } = python[toy];
    expect({ architecture, loading }).toEqual({ architecture: cases[toy].architecture, loading: {} });
    // What transformers says of a model without labels.
    expect(labels).toEqual(cases[toy].labels ?? ["LABEL_0", "LABEL_1"]);
  });

  test("transformers gives our ids, and our logits to 1e-5", async () => {
    const ours = await serveHead(folders[toy], cases[toy].inputs);
    for (const [index, { ids, outputs }] of ours.entries()) {
      expect(ids).toEqual(python[toy].ids[index]);
      const expected = python[toy].outputs[index]!;
      expect(Object.keys(outputs).toSorted()).toEqual(Object.keys(expected).toSorted());
      for (const [name, values] of Object.entries(outputs)) expectClose(values, expected[name]!);
    }
  });

  test("sentence-transformers gives the vectors of our encoder, to 1e-5", async () => {
    await using encoder = await loadEncoder(folders[toy], { threads: 1 });
    const vectors = await encoder.encode(texts);
    vectors.forEach((vector, text) => expectClose(vector, python[toy].vectors[text]!));
  });
});

describe("a model that was trained for sentence-embedding", () => {
  test("sentence-transformers gives our vectors, to 1e-5, and transformers misses only the pooler that they do without", async () => {
    const { architecture, loading, vectors } = pythonSentences;
    expect({ architecture, loading }).toEqual({
      architecture: "BertModel",
      loading: { missing_keys: ["pooler.dense.bias", "pooler.dense.weight"] },
    });
    await using encoder = await loadEncoder(sentences, { threads: 1 });
    (await encoder.encode(texts)).forEach((vector, text) => expectClose(vector, vectors[text]!));
    await using base = await loadEncoder(tinyEncoder, { threads: 1 });
    const [before] = await base.encode(texts);
    expect(Math.max(...before!.map((value, place) => Math.abs(value - vectors[0]![place]!)))).toBeGreaterThan(1e-2);
  });
});

/** What a server of the model, on two stages, answers. */
async function ask<Answer>(toy: ToyName, path: string, body: object): Promise<Answer> {
  await using server = await startServer({ model: folders[toy], flags: ["--stages", "2"] });
  const response = await server.post(path, body);
  expect(response.status).toBe(200);
  return (await response.json()) as Answer;
}

const scoresOf = (rows: readonly { readonly score: number }[]) => rows.map(({ score }) => score);

describe("what a server says of it is what Python says", () => {
  test.each(["sequence-classification", "multi-label"] as const)(
    "/predict, %s: labels and scores of transformers' pipeline",
    async (toy) => {
      const ours = await ask<LabelScore[][]>(toy, "/predict", { inputs: texts.map((text) => [text]) });
      const theirs = (python[toy].answers as LabelScore[][][]).map((answer) => answer.flat());
      ours.forEach((scores, text) => {
        expect(scores.map(({ label }) => label)).toEqual(theirs[text]!.map(({ label }) => label));
        expectClose(scoresOf(scores), scoresOf(theirs[text]!));
      });
    },
  );

  test("/predict, regression: the numbers themselves with raw_scores", async () => {
    const inputs = texts.map((text) => [text]);
    const ours = await ask<LabelScore[][]>("regression", "/predict", { inputs, raw_scores: true });
    expectClose(
      scoresOf(ours.flat()),
      python.regression.outputs.map(({ logits }) => logits![0]!),
    );
  });

  test("/predict, token classification: spans of transformers' pipeline", async () => {
    const ours = await ask<Span[][]>("token-classification", "/predict", { inputs: texts.map((text) => [text]) });
    const theirs = python["token-classification"].answers as Span[][];
    const placeOf = ({ entity_group, start, end }: Span) => [entity_group, start, end];
    expect(ours.map((spans) => spans.map(placeOf))).toEqual(theirs.map((spans) => spans.map(placeOf)));
    expectClose(scoresOf(ours.flat()), scoresOf(theirs.flat()));
  });

  test("/rerank: order and scores of sentence-transformers' CrossEncoder", async () => {
    const ours = await ask<{ index: number; score: number }[]>("re-ranking", "/rerank", { query, texts });
    const theirs = python["re-ranking"].ranked!;
    expect(ours.map(({ index }) => index)).toEqual(theirs.map(({ corpus_id }) => corpus_id));
    expectClose(scoresOf(ours), scoresOf(theirs));
  });

  test("/fill-mask: tokens and texts of transformers' pipeline", async () => {
    const ours = (await ask<Filling[][]>("masked-lm", "/fill-mask", { inputs: masked, top_k: 3 })).flat();
    const theirs = (python["masked-lm"].answers as Filling[][]).flat();
    const named = ({ token, token_str, sequence }: Filling) => [token, token_str, sequence];
    expect(ours.map(named)).toEqual(theirs.map(named));
    expectClose(scoresOf(ours), scoresOf(theirs));
  });

  test.each(["next-sentence", "pretraining"] as const)(
    "/next-sentence, %s: the probability of class 0",
    async (toy) => {
      const ours = await ask<{ is_next: number }[]>(toy, "/next-sentence", { inputs: pairs });
      const logits = python[toy].outputs.slice(0, pairs.length).map((outputs) => outputs["next_sentence_logits"]!);
      expectClose(
        ours.map(({ is_next }) => is_next),
        logits.map(([isNext, isRandom]) => 1 / (1 + Math.exp(isRandom! - isNext!))),
      );
    },
  );
});
