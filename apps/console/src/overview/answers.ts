/** @file What `/topology`, `/timeline` and a job's timeline answer, as far as this page reads it. Moments are Unix milliseconds. */

export type StageState = "up" | "waiting" | "starting" | "lost";

export type StageWork = {
  readonly busy: number;
  readonly sending: number;
  readonly waiting: number;
  readonly micro_batches_per_second: number;
  readonly tokens_per_second: number;
};

export type Stage = {
  readonly stage: number;
  readonly state: StageState;
  /** From `start` to before `end`. */
  readonly layers: { readonly start: number; readonly end: number };
  readonly worker: { readonly id: string; readonly host: string; readonly pid: number } | null;
  readonly engine: string | null;
  readonly parameter_bytes: number | null;
  readonly threads: number;
  readonly resident_bytes: number | null;
  readonly restarts: number;
  readonly last_loss: { readonly at: number; readonly reason: string } | null;
  readonly work: StageWork | null;
};

export type Link = {
  /** Stages; null for the gateway. */
  readonly from: number | null;
  readonly to: number | null;
  readonly frames_per_second: number | null;
  readonly bytes_per_second: number | null;
};

export type Replica = {
  readonly replica: number;
  readonly state: "forming" | "loading" | "linking" | "up";
  readonly micro_batches_in_flight: number;
  readonly stages: readonly Stage[];
  readonly links: readonly Link[];
};

export type Topology = {
  readonly now: number;
  readonly gateway: {
    readonly phase: "resolving model" | "starting stages" | "ready" | "stopping";
    readonly problem: string | null;
    readonly version: string;
    readonly host: string;
    readonly pid: number;
    readonly started_at: number;
    readonly resident_bytes: number;
  };
  readonly replicas: readonly Replica[];
  readonly standby: readonly { readonly id: string; readonly host: string; readonly pid: number }[];
  readonly queue: { readonly texts: number; readonly tokens: number; readonly max_tokens: number };
  readonly requests: { readonly in_progress: number; readonly max: number };
  readonly models: readonly {
    readonly name: string;
    readonly is_own: boolean;
    readonly is_loaded: boolean;
    readonly parameter_bytes: number;
  }[];
  readonly has_jobs: boolean;
};

export type MicroBatch = {
  readonly number: number;
  readonly model: string;
  readonly replica: number;
  readonly texts: number;
  readonly tokens: number;
  readonly queued_at: number;
  readonly sent_at: number;
  readonly received_at: number;
  readonly stages: readonly { readonly stage: number; readonly started_at: number; readonly ended_at: number }[];
};

export type Timeline = {
  readonly now: number;
  readonly capacity: number;
  readonly micro_batches: readonly MicroBatch[];
};

export type StepInterval = {
  readonly kind: "forward" | "backward" | "update";
  readonly micro_batch: number | null;
  readonly start_ms: number;
  readonly end_ms: number;
};

export type StepTimeline = {
  readonly bubble_share: number;
  readonly passes_ms: number;
  readonly stages: readonly (readonly StepInterval[])[];
};

/** `last_step` is null until a step was measured since the server has started. */
export type JobTimeline = { readonly last_step: MeasuredStep | null };

export type MeasuredStep = {
  readonly step: number;
  readonly schedule: string;
  readonly num_micro_batches: number;
  readonly measured: StepTimeline;
  readonly ideal: StepTimeline;
};

export type Job = { readonly id: string; readonly status: string; readonly model: string };
