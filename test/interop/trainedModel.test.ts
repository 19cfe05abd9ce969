/** @file Models that we have trained, in Python: transformers and sentence-transformers load them, and give what we give. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadEncoder } from "stagecoach";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Filling } from "../harness/pipelineFixtures.ts";
import { pythonWithTorch, runPython } from "../harness/python.ts";
import { startServer } from "../harness/startServer.ts";
import { serveTexts, trainTinyModel, type ServedText } from "../harness/trainedModel.ts";

type Python = {
  readonly ids: readonly (readonly number[])[];
  readonly logits: readonly (readonly number[] | readonly (readonly number[])[])[];
  readonly labels: readonly string[];
  readonly vectors: readonly (readonly number[])[] | null;
  readonly filled: readonly (readonly Filling[])[] | null;
  readonly loading: Readonly<Record<string, readonly string[]>>;
  readonly architecture: string;
};

const texts = ["the layers of a stag", "workers", "a cons in the workers in the layers", "Caf\u00e9, unseen!"];
const masked = ["the [MASK] of a stag", "[MASK] in the workers", "Caf\u00e9 in a [MASK]!"];
const absent = existsSync(pythonWithTorch) ? null : "skipped: npm run bench:peers installs PyTorch and transformers";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "stagecoach-trained-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** `/fill-mask` of a server on two stages answers as the fill-mask pipeline of the folder. */
async function expectFilled(model: string, expected: readonly (readonly Filling[])[]): Promise<void> {
  await using server = await startServer({ model, flags: ["--stages", "2"] });
  const response = await server.post("/fill-mask", { inputs: masked, top_k: 3 });
  const given = (await response.json()) as Filling[][];
  const [ours, theirs] = [given.flat(), expected.flat()];
  const named = ({ token, token_str, sequence }: Filling) => [token, token_str, sequence];
  expect(ours.map(named)).toEqual(theirs.map(named));
  const [scores, expectedScores] = [ours, theirs].map((each) => each.map(({ score }) => score)) as [number[], number[]];
  expect(largestDifference(scores, expectedScores)).toBeLessThan(1e-5);
}

const largestDifference = (ours: readonly number[], theirs: readonly number[]) => {
  expect(ours.length).toBe(theirs.length);
  return Math.max(...ours.map((value, at) => Math.abs(value - theirs[at]!)));
};

describe.skipIf(absent !== null)(`a trained model's folder in Python (${absent ?? "transformers is here"})`, () => {
  test.each([
    ["sequence-classification", "BertForSequenceClassification"],
    ["masked-lm", "BertForMaskedLM"],
    ["question-answering", "BertForQuestionAnswering"],
  ] as const)("%s: %s loads it without a warning, and gives our logits to 1e-5", async (task, architecture) => {
    const model = await trainTinyModel(join(folder, task), task);
    const theirs = await runPython<Python>("trained_model.py", { folder: model, texts, masked }, pythonWithTorch);
    const ours: readonly ServedText[] = await serveTexts(model, texts);
    expect(theirs.architecture).toBe(architecture);
    expect(theirs.loading).toEqual({});
    expect(ours.map(({ ids }) => ids)).toEqual(theirs.ids);
    ours.forEach(({ logits }, text) => {
      expect(largestDifference(logits, theirs.logits[text]!.flat())).toBeLessThan(1e-5);
    });
    if (task === "masked-lm") await expectFilled(model, theirs.filled!);
    if (task !== "sequence-classification") return;
    expect(theirs.labels).toEqual(["no", "yes"]);
    const encoder = await loadEncoder(model, { threads: 1 });
    const vectors = await encoder.encode(texts);
    await encoder.close();
    vectors.forEach((vector, text) => {
      expect(largestDifference([...vector], theirs.vectors![text]!)).toBeLessThan(1e-5);
    });
  });
});
