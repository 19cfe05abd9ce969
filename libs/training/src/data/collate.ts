/**
 * @file Examples of a task as one packed batch with its targets.
 *
 * Dimensions: T packed tokens, B texts, C classes or choices, M labelled rows, Q questions.
 */
import type { Target, Task, TrainingBatch } from "@stagecoach/transformer";
import type { RandomSequence } from "../random/randomSequence.ts";
import type { StoredExample } from "./exampleStore.ts";

/** An example at its place in the run. */
export type PlacedExample = StoredExample & {
  /** Number of its first text in the order of the run. */
  readonly textId: number;
  /** Where its masks are drawn from. */
  readonly random: () => RandomSequence;
};

export type Targets = {
  readonly targets: TrainingBatch["targets"];
  readonly counts: TrainingBatch["counts"];
};

type TokensOfBatch = Pick<TrainingBatch, "inputIds" | "tokenTypeIds" | "lengths" | "textIds">;

/** The texts of a batch, one an example. */
export function packTexts(examples: readonly PlacedExample[]): TokensOfBatch {
  const lengths = Int32Array.from(examples, ({ ids }) => ids.length);
  const T = lengths.reduce((a, b) => a + b, 0);
  const inputIds = new Int32Array(T);
  const tokenTypeIds = new Int32Array(T);
  let row = 0;
  for (const { ids, firstSegment } of examples) {
    inputIds.set(ids, row);
    tokenTypeIds.fill(1, row + firstSegment, row + ids.length);
    row += ids.length;
  }
  return { inputIds, tokenTypeIds, lengths, textIds: Int32Array.from(examples, ({ textId }) => textId) };
}

export function int32Target(data: Int32Array, ...shape: readonly number[]): Target {
  return { dtype: "int32", shape: shape.length === 0 ? [data.length] : shape, data };
}

type ClassificationTask = Extract<Task, { name: "sequence-classification" }>;

/** `labels`: `[B]` class numbers, or `[B, C]` zeros and ones or numbers. */
export function classificationTargets(task: ClassificationTask, examples: readonly PlacedExample[]): Targets {
  const [B, C] = [examples.length, task.numLabels];
  if (task.problemType === "single_label_classification") {
    const labels = Int32Array.from(examples, ({ target }) => target[0]!);
    return { targets: { labels: int32Target(labels) }, counts: { labels: sumOfWeights(labels, task.classWeights) } };
  }
  const data = new Float32Array(B * C);
  examples.forEach(({ target }, b) => {
    if (task.problemType === "regression") data.set(new Float32Array(target.slice().buffer), b * C);
    else for (const label of target) data[b * C + label] = 1;
  });
  return { targets: { labels: { dtype: "float32", shape: [B, C], data } }, counts: { labels: B * C } };
}

/** What a mean over labels divides by: their number, or the sum of their classes' weights. */
export function sumOfWeights(labels: Int32Array, weights: readonly number[] | undefined): number {
  if (weights === undefined) return labels.length;
  return labels.reduce((sum, label) => sum + (weights[label] ?? 0), 0);
}
