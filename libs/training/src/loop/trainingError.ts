/** @file What ends a training run before its time. */

export type TrainingErrorCode =
  /** The loss or a gradient is no finite number. */
  | "training_diverged"
  /** A replayed step gave other numbers than the log has. */
  | "training_not_reproducible"
  /** Stages are lost again and again without progress. */
  | "training_stalled"
  /** An option that does not fit the data, the model or another option. */
  | "training_option"
  | "disk_full"
  /** There is no room for a checkpoint among those of all jobs. */
  | "checkpoint_quota"
  /** A checkpoint that cannot be read, or is of another run. */
  | "checkpoint_unusable";

/** The message reads `where: what was expected, got what (remedy)`. */
export class TrainingError extends Error {
  override readonly name = "TrainingError";
  readonly code: TrainingErrorCode;
  /** The step that failed, from 1. */
  readonly step: number | null;

  constructor(code: TrainingErrorCode, message: string, facts: ErrorOptions & { readonly step?: number } = {}) {
    super(message, facts.cause === undefined ? {} : { cause: facts.cause });
    this.code = code;
    this.step = facts.step ?? null;
  }
}

/** Whether a call to a pipeline failed because a stage is gone: the pipeline is rebuilt then. */
export function isStageLost(error: unknown): error is Error {
  return error instanceof Error && "code" in error && error.code === "stage_lost";
}
