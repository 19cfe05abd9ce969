/** @file Errors of the pipeline: plans, frames, links, stages. `code` and `message` travel over the wire (control.ts). */

export class PlanError extends Error {
  override readonly name = "PlanError";
  readonly code = "invalid_plan";
}

/** Bytes that are not a frame of this protocol, or one that the receiver did not agree to. The link that carried them is closed. */
export class FrameError extends Error {
  override readonly name = "FrameError";
  readonly code = "invalid_frame";
}

/** A peer that speaks another protocol version, has the wrong token, or says something out of turn. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  readonly code = "protocol_violation";
}

/** A stage's process died, was cut off, or is stuck; what it was working on can be given to another. */
export class StageLostError extends Error {
  override readonly name = "StageLostError";
  readonly code = "stage_lost";
  readonly replica: number;
  readonly stage: number;

  constructor(place: { readonly replica: number; readonly stage: number }, reason: string, options?: ErrorOptions) {
    super(`stage ${place.stage} of replica ${place.replica} was lost: ${reason}`, options);
    this.replica = place.replica;
    this.stage = place.stage;
  }
}

/** No stage could do the work before the request's deadline. */
export class StageUnavailableError extends Error {
  override readonly name = "StageUnavailableError";
  readonly code = "stage_unavailable";
  readonly stage: number | null;

  constructor(stage: number | null, reason: string, options?: ErrorOptions) {
    super(stage === null ? `no pipeline is available: ${reason}` : `stage ${stage} is unavailable: ${reason}`, options);
    this.stage = stage;
  }
}

/** A stage's engine failed on a micro-batch. */
export class StageFailureError extends Error {
  override readonly name = "StageFailureError";
  readonly code = "stage_failure";
  readonly stage: number;

  constructor(stage: number, message: string, options?: ErrorOptions) {
    super(`stage ${stage} failed: ${message}`, options);
    this.stage = stage;
  }
}

/** The queue is full. The request was refused before any work was done for it. */
export class OverloadedError extends Error {
  override readonly name = "OverloadedError";
  readonly code = "overloaded";
  readonly retryAfterSeconds: number;

  constructor(message: string, retryAfterSeconds: number) {
    super(message);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** A pipeline schedule, or costs or times for one, that cannot be. Facts say where: the stage, and the index in its list of actions. */
export class ScheduleError extends Error {
  override readonly name = "ScheduleError";
  readonly code = "invalid_schedule";
  /** Null when the problem is not at one stage. */
  readonly stage: number | null;
  /** Index in the stage's list; null when something is missing from it, or it is not about one action. */
  readonly position: number | null;

  constructor(message: string, place: { readonly stage: number; readonly position?: number } | null = null) {
    super(message);
    this.stage = place?.stage ?? null;
    this.position = place?.position ?? null;
  }
}

/** Traces are asked for in a way that cannot be, or what sends them is not installed. */
export class TracingError extends Error {
  override readonly name = "TracingError";
  readonly code = "invalid_tracing";
}
