/** @file Length of a run in steps, and where in the data a step stands. */
import type { TrainingDataSet } from "../data/batchedDataSet.ts";
import { TrainingError } from "./trainingError.ts";

export type RunLength = {
  readonly epochs: number;
  /** Counts instead of the epochs, whether that is more or fewer steps. */
  readonly maxSteps?: number | undefined;
};

export type RunPlan = {
  readonly totalSteps: number;
  /** Epochs that are begun. */
  readonly numEpochs: number;
};

type Data = Pick<TrainingDataSet, "numBatches">;

/** @throws TrainingError */
export function planRun(data: Data, { epochs, maxSteps }: RunLength): RunPlan {
  for (const [name, value] of [
    ["epochs", epochs],
    ["max steps", maxSteps ?? 1],
  ] as const) {
    if (!Number.isInteger(value) || value < 1)
      throw new TrainingError("training_option", `${name}: expected a whole number of at least 1, got ${value}`);
  }
  let steps = 0;
  let epoch = 0;
  while (maxSteps === undefined ? epoch < epochs : steps < maxSteps) steps += data.numBatches(epoch++);
  return { totalSteps: maxSteps ?? steps, numEpochs: epoch };
}

/** A third of 30 steps are 10, whatever the last bit of the product says. */
const ROUNDING = 1e-6;

/** The last step of a share of a run. */
export function stepOfShare(share: number, totalSteps: number): number {
  return Math.ceil(share * totalSteps - ROUNDING);
}

export type Position = { readonly epoch: number; readonly batch: number };

export function nextPosition(data: Data, { epoch, batch }: Position): Position {
  return batch + 1 < data.numBatches(epoch) ? { epoch, batch: batch + 1 } : { epoch: epoch + 1, batch: 0 };
}

/** Passes over the data, with a fraction. */
export function epochsDone(data: Data, { epoch, batch }: Position): number {
  return epoch + batch / data.numBatches(epoch);
}
