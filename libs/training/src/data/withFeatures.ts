/** @file A batch for a stage that is the head alone: what a frozen encoder gives for its texts stands where their tokens stood. */
import { joinFloat32 } from "@stagecoach/engine";
import type { FeatureRows, TrainingBatch } from "@stagecoach/transformer";

const NO_IDS = new Int32Array();

/** @param features - of the batch's examples, in order; of first rows each text has one, as if it were its only token */
export function withFeatures(
  batch: TrainingBatch,
  features: readonly Float32Array[],
  rows: FeatureRows,
): TrainingBatch {
  const lengths = rows === "first" ? new Int32Array(batch.lengths.length).fill(1) : batch.lengths;
  return { ...batch, inputIds: NO_IDS, tokenTypeIds: NO_IDS, lengths, features: joinFloat32(features) };
}
