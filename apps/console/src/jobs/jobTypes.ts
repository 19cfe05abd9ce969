/** @file What the routes of files and jobs answer, as far as these pages read it. */

export type JobStatus = "queued" | "running" | "paused" | "succeeded" | "failed" | "cancelled";

export type Supervised = {
  readonly task?: string;
  readonly columns?: Readonly<Record<string, string>>;
  readonly stages?: number;
  readonly schedule?: string;
  readonly search?: Search;
  readonly hyperparameters: Readonly<Record<string, unknown>>;
};

export type Search = {
  readonly strategy: string;
  readonly space: Readonly<Record<string, unknown>>;
  readonly trials?: number;
  readonly reduction_factor?: number;
  readonly parallel?: number;
  readonly folds?: number;
};

/** `GET /v1/fine_tuning/jobs/{id}`. Times are Unix seconds. */
export type Job = {
  readonly id: string;
  readonly created_at: number;
  readonly model: string;
  readonly status: JobStatus;
  readonly training_file: string;
  readonly validation_file: string | null;
  readonly method: { readonly supervised: Supervised };
  readonly fine_tuned_model: string | null;
  readonly started_at: number | null;
  readonly finished_at: number | null;
  readonly estimated_finish: number | null;
  readonly trained_tokens: number | null;
  readonly result_files: readonly string[];
  readonly seed: number;
  readonly error: { readonly code: string; readonly message: string; readonly param: string | null } | null;
};

export type JobEvent = {
  readonly id: string;
  readonly created_at: number;
  readonly level: "info" | "warn" | "error";
  readonly message: string;
  readonly type: "message" | "metrics";
  readonly data: Readonly<Record<string, unknown>>;
};

/** An event of the stream that is not kept: where the job is. */
export type JobProgress = {
  readonly step: number;
  readonly total_steps: number;
  readonly seconds_left: number | null;
  readonly trained_tokens: number;
  readonly metrics: Readonly<Record<string, number>>;
};

export type Checkpoint = {
  readonly id: string;
  readonly created_at: number;
  readonly fine_tuned_model_checkpoint: string;
  readonly step_number: number;
  readonly metrics: Readonly<Record<string, number | null>>;
};

export type TrialRun = {
  readonly fold: number | null;
  readonly step: number;
  readonly total_steps: number | null;
  readonly best_step: number | null;
  readonly metrics: Readonly<Record<string, number | null>> | null;
  readonly evaluations: readonly { readonly step: number; readonly value: number | null }[];
  readonly error: string | null;
};

export type Trial = {
  readonly number: number;
  readonly hyperparameters: Readonly<Record<string, unknown>>;
  readonly status: "waiting" | "running" | "paused" | "finished" | "stopped" | "failed";
  readonly metric: string | null;
  readonly score: number | null;
  readonly deviation: number | null;
  readonly runs: readonly TrialRun[];
};

export type UploadedFile = { readonly id: string; readonly filename: string; readonly bytes: number };

/** A page of a list. */
export type Listed<Item> = { readonly data: readonly Item[]; readonly has_more: boolean };

export type FileProblem = {
  readonly message: string;
  readonly line?: number | null;
  readonly column?: string | number | null;
};

export type FilePreview = {
  readonly format: string | null;
  readonly columns: readonly { readonly name: string; readonly kind: string; readonly examples: readonly unknown[] }[];
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** Where each row begins in the file; null where it has no lines. */
  readonly lines: readonly (number | null)[];
  readonly guess: {
    readonly task: string | null;
    /** That a job may name for these columns. */
    readonly tasks: readonly string[];
    readonly columns: Readonly<Record<string, string>>;
    readonly reason: string;
  };
  readonly problems: readonly FileProblem[];
};

export type CheckProblem = FileProblem & { readonly param?: string | null; readonly file?: string | null };

/** `POST /v1/fine_tuning/jobs/validate` */
export type CheckAnswer = {
  readonly valid: boolean;
  readonly problems: readonly CheckProblem[];
  readonly warnings: readonly string[];
  readonly task: string | null;
  readonly columns: Readonly<Record<string, string>> | null;
  readonly labels: readonly { readonly name: string; readonly count: number }[] | null;
  readonly examples: number | null;
  readonly validation_examples: number | null;
  readonly test_examples: number | null;
  readonly skipped: number | null;
  readonly truncated: number | null;
  readonly steps: number | null;
};

/** A label, several, a number, or several. */
export type Said = string | number | readonly string[] | readonly number[];

export type Mistake = {
  /** null: the job's file is not there any more. */
  readonly text: string | null;
  readonly text_pair: string | null;
  readonly line: number | null;
  readonly expected: Said;
  readonly predicted: Said;
  /** How wrong: 1 is as wrong as it gets for labels; of numbers the error. */
  readonly score: number;
};

export type ClassScores = {
  readonly label: string;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  readonly support: number;
};

/** `GET /v1/fine_tuning/jobs/{id}/evaluation` */
export type JobEvaluation = {
  readonly split: "validation" | "test";
  readonly labels: readonly string[];
  /** Rows are what was expected, columns what the model said; null without classes, and of very many. */
  readonly confusion: readonly (readonly number[])[] | null;
  readonly classes: readonly ClassScores[] | null;
  /** The worst of them. */
  readonly mistakes: readonly Mistake[];
  readonly num_mistakes: number;
  readonly metrics: Readonly<Record<string, number | null>>;
};

export function isOver({ status }: Pick<Job, "status">): boolean {
  return status === "succeeded" || status === "failed" || status === "cancelled";
}
