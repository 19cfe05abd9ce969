/** @file Models that we have trained, in Python: transformers and sentence-transformers load them, and give what we give. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadEncoder } from "stagecoach";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pythonWithTorch, runPython } from "../harness/python.ts";
import { serveTexts, trainTinyModel, type ServedText } from "../harness/trainedModel.ts";

type Python = {
  readonly ids: readonly (readonly number[])[];
  readonly logits: readonly (readonly number[] | readonly (readonly number[])[])[];
  readonly labels: readonly string[];
  readonly vectors: readonly (readonly number[])[] | null;
  readonly loading: Readonly<Record<string, readonly string[]>>;
  readonly architecture: string;
};

const texts = ["the layers of a stag", "workers", "a cons in the workers in the layers", "Caf\u00e9, unseen!"];
const absent = existsSync(pythonWithTorch) ? null : "skipped: npm run bench:peers installs PyTorch and transformers";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "stagecoach-trained-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const largestDifference = (ours: readonly number[], theirs: readonly number[]) => {
  expect(ours.length).toBe(theirs.length);
  return Math.max(...ours.map((value, at) => Math.abs(value - theirs[at]!)));
};

describe.skipIf(absent !== null)(`a trained model's folder in Python (${absent ?? "transformers is here"})`, () => {
  test.each([
    ["sequence-classification", "BertForSequenceClassification"],
    ["masked-lm", "BertForMaskedLM"],
  ] as const)("%s: %s loads it without a warning, and gives our logits to 1e-5", async (task, architecture) => {
    const model = await trainTinyModel(join(folder, task), task);
    const theirs = await runPython<Python>("trained_model.py", { folder: model, texts }, pythonWithTorch);
    const ours: readonly ServedText[] = await serveTexts(model, texts);
    expect(theirs.architecture).toBe(architecture);
    expect(theirs.loading).toEqual({});
    expect(ours.map(({ ids }) => ids)).toEqual(theirs.ids);
    ours.forEach(({ logits }, text) => {
      expect(largestDifference(logits, theirs.logits[text]!.flat())).toBeLessThan(1e-5);
    });
    if (task === "masked-lm") return;
    expect(theirs.labels).toEqual(["no", "yes"]);
    const encoder = await loadEncoder(model, { threads: 1 });
    const vectors = await encoder.encode(texts);
    await encoder.close();
    vectors.forEach((vector, text) => {
      expect(largestDifference([...vector], theirs.vectors![text]!)).toBeLessThan(1e-5);
    });
  });
});
