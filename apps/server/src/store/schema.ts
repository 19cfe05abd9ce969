/**
 * @file The tables of the store, as TypeScript sees them; migrations.ts makes them.
 *
 * Times are Unix seconds, structured values are JSON text, so that both databases hold the same. `sequence` counts rows in
 * the order in which they came: it sorts lists, and never leaves this folder. Folders are relative to the data folder.
 */
import type { Generated } from "kysely";

export const jobStatuses = ["queued", "running", "paused", "succeeded", "failed", "cancelled"] as const;
export type JobStatus = (typeof jobStatuses)[number];
/** Those that a job stays in. */
export const endedStatuses: readonly JobStatus[] = ["succeeded", "failed", "cancelled"];

export type FilesTable = {
  sequence: Generated<number>;
  id: string;
  bytes: number;
  created_at: number;
  expires_at: number | null;
  filename: string;
  purpose: string;
  sha256: string;
};

export type JobsTable = {
  sequence: Generated<number>;
  id: string;
  status: JobStatus;
  created_at: number;
  started_at: number | null;
  finished_at: number | null;
  /** Name of the model to start from, as the client gave it. */
  model: string;
  /** JSON: where that model is, and the method's teacher (`JobModels`). */
  base: string;
  training_file: string;
  validation_file: string | null;
  seed: number;
  /** JSON: `method` of the request, with every default that was filled in. */
  method: string;
  metadata: string | null;
  /** Name that the finished model will have; taken when the job is made. */
  model_name: string;
  result_file: string | null;
  trained_tokens: number | null;
  /** JSON: `{code, message, param}`. */
  error: string | null;
  /** Starts so far; whoever reports an end says of which one. */
  attempt: number;
  /** Starts in a row that ended unasked before a checkpoint was written. */
  stalls: number;
  /** 1 once the retention time has passed and the job's folder is gone. */
  is_swept: number;
};

export type JobEventsTable = {
  sequence: Generated<number>;
  id: string;
  job_id: string;
  created_at: number;
  level: "info" | "warn" | "error";
  message: string;
  type: "message" | "metrics";
  data: string | null;
  /** What happens once only, although a replay after a crash reports it again. */
  once: string | null;
};

export type JobCheckpointsTable = {
  sequence: Generated<number>;
  id: string;
  job_id: string;
  created_at: number;
  step: number;
  folder: string;
  metrics: string;
};

export type JobTrialsTable = {
  sequence: Generated<number>;
  job_id: string;
  /** From 1. */
  number: number;
  /** JSON (`Trial`). */
  trial: string;
};

export type ModelsTable = {
  sequence: Generated<number>;
  id: string;
  job_id: string;
  base: string;
  task: string;
  folder: string;
  created_at: number;
};

export type ModelEvaluationsTable = {
  sequence: Generated<number>;
  job_id: string;
  split: "validation" | "test";
  /** JSON (`EvaluationReport`). */
  report: string;
};

export type Tables = {
  files: FilesTable;
  jobs: JobsTable;
  job_events: JobEventsTable;
  job_checkpoints: JobCheckpointsTable;
  job_trials: JobTrialsTable;
  models: ModelsTable;
  model_evaluations: ModelEvaluationsTable;
  migrations: { number: number; name: string; applied_at: number };
};

export type DatabaseKind = "sqlite" | "postgres";
