/** @file A training step of texts of one length: two classes, AdamW, no dropout, cut into micro-batches of the same size. */
import { adamWDefaults, type StageSettings } from "@stagecoach/training";
import type { TrainingBatch } from "@stagecoach/transformer";

export const stepSettings: StageSettings = {
  task: { name: "sequence-classification", problemType: "single_label_classification", numLabels: 2 },
  dropout: null,
  seed: 0,
  optimizer: adamWDefaults,
  freeze: [],
  recompute: false,
  replaceHead: true,
};

export type StepSize = {
  /** Micro-batches. */
  readonly count: number;
  /** Of a micro-batch. */
  readonly texts: number;
  /** Tokens of a text. */
  readonly length: number;
};

export function syntheticBatches({ count, texts, length }: StepSize): TrainingBatch[] {
  return Array.from({ length: count }, (_, index) => ({
    inputIds: Int32Array.from(
      { length: texts * length },
      (__, place) => 1000 + (((index * texts * length + place) * 7919) % 20_000),
    ),
    tokenTypeIds: new Int32Array(texts * length),
    lengths: new Int32Array(texts).fill(length),
    textIds: Int32Array.from({ length: texts }, (__, text) => index * texts + text),
    targets: {
      labels: { dtype: "int32", shape: [texts], data: Int32Array.from({ length: texts }, (__, text) => text % 2) },
    },
    counts: { labels: texts },
  }));
}
