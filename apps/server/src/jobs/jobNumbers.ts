/**
 * @file The numbers of a running job in one table: the names that its runner tells them by, which are those of its events and of its
 * result file, and after `stagecoach_job_` those of its metrics.
 *
 * A name that is not here cannot be told, and a runner that leaves out one of a step does not compile.
 */

/** Of a step, and what each says. */
export const stepNumbers = {
  train_loss: "Training loss of a running job",
  learning_rate: "Learning rate of a running job",
  gradient_norm: "Norm of the gradients of a running job, before clipping",
  tokens_per_second: "Tokens that a running job trains on",
  examples_per_second: "Examples that a running job trains on",
  step_seconds: "Time of a step of a running job",
  bubble_ratio: "Share of a step in which stages wait, measured",
  padding_ratio: "Share of padding in what attention sees of a job's batches",
} as const;

/** Of an evaluation: what every task has. Its other metrics are told as `valid_` with their name. */
export const evaluationNumbers = {
  valid_loss: "Validation loss of a running job",
} as const;

export const checkpointNumbers = {
  checkpoint_seconds: "Time that a job's last checkpoint took",
  checkpoint_bytes: "Size of a job's last checkpoint",
} as const;

/** What a stage does in a step: its passes, waiting for other stages, and the rest: batches, optimizer, log. */
export const stagePhases = ["forward", "backward", "waiting", "other"] as const;
export type StagePhase = (typeof stagePhases)[number];
/** Where the time of one stage went, in seconds. */
export type StageSeconds = Readonly<Record<StagePhase, number>>;

/** Seconds of a phase are those of all stages together; metrics have them stage by stage. */
export type StepNumbers = Readonly<Record<keyof typeof stepNumbers | `${StagePhase}_seconds`, number>>;
/** Null where a metric is not defined. */
export type EvaluationNumbers = Readonly<Record<`valid_${string}`, number | null>>;
/** With the loss of its step, and the newest evaluation where there was one. */
export type CheckpointNumbers = Readonly<Record<keyof typeof checkpointNumbers, number>> &
  Partial<Pick<StepNumbers, "train_loss">> &
  EvaluationNumbers;

/** As messages show it. */
export const shownNumber = (value: number | null | undefined): string =>
  value == null ? "none" : String(Number(value.toPrecision(6)));
