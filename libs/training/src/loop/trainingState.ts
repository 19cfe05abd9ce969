/** @file Where a run stands: what a checkpoint keeps besides parameters and optimizer state. */

/** The best value of the metric by which checkpoints are compared, and the step that gave it. */
export type BestEvaluation = { readonly metric: string; readonly step: number; readonly value: number };

export type TrainingState = {
  /** Updates that were made. */
  readonly step: number;
  /** Position in the data: epoch from 0, and the number of the next batch in it. */
  readonly epoch: number;
  readonly batch: number;
  /** Tokens and examples that were trained on. */
  readonly trainedTokens: number;
  readonly trainedExamples: number;
  readonly best: BestEvaluation | null;
  /** Evaluations in a row that improved nothing. */
  readonly evaluationsWithoutImprovement: number;
  /** Metrics of the newest evaluation; null before the first. */
  readonly metrics: Readonly<Record<string, number | null>> | null;
  /** Whether the run is over, by its length or by early stopping. */
  readonly isFinished: boolean;
};

export const initialState: TrainingState = {
  step: 0,
  epoch: 0,
  batch: 0,
  trainedTokens: 0,
  trainedExamples: 0,
  best: null,
  evaluationsWithoutImprovement: 0,
  metrics: null,
  isFinished: false,
};
