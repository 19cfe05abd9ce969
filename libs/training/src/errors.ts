/** @file Errors of the training library. */

/** What was to be scored does not fit together: lengths, a missing output, labels in an unknown scheme. */
export class MetricError extends Error {
  override readonly name = "MetricError";
  readonly code = "invalid_metric_input";
}

/** A learning-rate schedule with a number that makes no sense. */
export class ScheduleError extends Error {
  override readonly name = "ScheduleError";
  readonly code = "invalid_schedule";
}

/** Files of a checkpoint that do not hold the state of the stage that is to be restored. */
export class CheckpointStateError extends Error {
  override readonly name = "CheckpointStateError";
  readonly code = "invalid_checkpoint";
}
