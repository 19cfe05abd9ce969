/** @file What a task's metrics take in batch by batch, and what they give at the end. */
import type { TrainingBatch } from "@stagecoach/transformer";
import type { Scores } from "../classScores.ts";

/** Outputs of the task's graph by name (see Task in @stagecoach/transformer); tensors in JavaScript memory. */
export type TaskOutputs = Readonly<
  Record<string, { readonly shape: readonly number[]; readonly data: ArrayLike<number> }>
>;

/** The part that metrics read of a batch (and of the data set's EvaluationBatch). */
export type EvaluatedBatch = {
  readonly batch: Pick<TrainingBatch, "lengths" | "targets">;
  /** Number of each example in the data: of each text, for multiple choice of each question. */
  readonly examples: ArrayLike<number>;
};

/** What was predicted for one example (for question answering: for all windows of a question), beside what would have been right. */
export type Prediction =
  | {
      readonly kind: "label";
      readonly example: number;
      readonly target: number;
      readonly predicted: number;
      readonly probability: number;
    }
  | {
      readonly kind: "labels";
      readonly example: number;
      readonly target: readonly number[];
      readonly predicted: readonly number[];
    }
  | {
      readonly kind: "values";
      readonly example: number;
      readonly target: readonly number[];
      readonly predicted: readonly number[];
    }
  | {
      readonly kind: "tags";
      readonly example: number;
      readonly target: readonly string[];
      readonly predicted: readonly string[];
    }
  | {
      readonly kind: "answer";
      /** Index into the questions of AnswerData. */
      readonly question: number;
      readonly target: readonly string[];
      readonly predicted: string;
      /** Score of "no answer" less that of the best answer; null where a question must have an answer. */
      readonly nullScoreDifference: number | null;
    };

/** Scores of one class, label or entity type. */
export type ClassReport = Scores & { readonly label: string; readonly support: number };

export type Evaluation = {
  /** Mean over all that the loss counts; null when it counts nothing or is not finite. */
  readonly loss: number | null;
  /** The entry of `metrics` that best describes how good the model is; isGreaterBetter() knows its direction. */
  readonly primary: string;
  /** With `loss` among them. Null where a metric is not defined, such as the correlation of constant predictions. */
  readonly metrics: Readonly<Record<string, number | null>>;
  /** In the order of evaluation; empty for masked tokens. */
  readonly predictions: readonly Prediction[];
  readonly classes?: readonly ClassReport[];
  /** `[C, C]`: examples by target (row) and prediction (column); left out for more than 100 classes. */
  readonly confusion?: readonly (readonly number[])[];
};

export interface MetricAccumulator {
  /** The name of the primary metric, known before the first batch. */
  readonly primary: string;
  /**
   * Count one batch. Nothing of the arguments is kept.
   *
   * @throws MetricError when a target or an output is missing, or their shapes do not fit together
   */
  add(evaluated: EvaluatedBatch, outputs: TaskOutputs): void;
  /** The result of all batches so far. */
  finish(): Evaluation;
}
