/** @file What runs a job, as the queue sees it: a trainer that is started, tells what happens, and ends. */
import type { ColumnMap, EvaluationReport } from "@stagecoach/training";
import type { FoundRow, ReadRowTextsOptions } from "@stagecoach/training/node";
import type { TaskName } from "@stagecoach/transformer";
import type { CheckpointNumbers, EvaluationNumbers, StageSeconds, StepNumbers } from "./jobNumbers.ts";
import type { MeasuredStep } from "./measuredStep.ts";
import type { Trial } from "./searchSchema.ts";
import type { TrainingMethod } from "./trainingRequest.ts";

/** The model that a job starts from, or learns from. */
export type BaseModel = {
  /** Folder, or hub id. */
  readonly reference: string;
  readonly revision: string | null;
};

/** As the store keeps it. */
export type JobModels = BaseModel & { readonly teacher?: BaseModel };

export type JobSpec = {
  readonly id: string;
  /** Name of the base model, as the client gave it. */
  readonly model: string;
  readonly base: BaseModel;
  /** Where the method's teacher is. */
  readonly teacher?: BaseModel | undefined;
  readonly method: TrainingMethod;
  readonly seed: number;
  /** Name that the finished model will have. */
  readonly modelName: string;
  /** 1 for the first start; later ones continue from the folder's last checkpoint. */
  readonly attempt: number;
};

/** What decides what a job comes to. */
export type CheckedJob = Pick<JobSpec, "base" | "teacher" | "method" | "seed">;

export type DataFile = {
  /** Has no extension. */
  readonly path: string;
  /** As it was uploaded: its extension says the format. */
  readonly filename: string;
};

export type CheckpointSize = { readonly step: number; readonly bytes: number };

export type JobContext = {
  /** The job's own, the same at each start: checkpoints go here. Absolute. */
  readonly folder: string;
  readonly dataFiles: { readonly training: DataFile; readonly validation: DataFile | null };
  /** Resolves once the event is durable. Events are kept in the order of the calls. */
  readonly onEvent: (event: RunnerEvent) => Promise<void>;
  /** To be asked before a checkpoint is kept. @returns null, or for people why it cannot be */
  readonly makeRoom: (checkpoint: CheckpointSize) => Promise<string | null>;
};

export type RunnerEvent =
  | {
      readonly type: "message";
      readonly level: "info" | "warn" | "error";
      readonly message: string;
      readonly data?: Readonly<Record<string, unknown>>;
      /** Kept once for the whole job, although a replay after a crash reports it again. */
      readonly once?: string;
    }
  | {
      /** Numbers of a step, or of the evaluation after it. Those that a replay reports again are dropped. */
      readonly type: "metrics";
      readonly step: number;
      readonly totalSteps?: number;
      readonly metrics: Partial<StepNumbers> | EvaluationNumbers;
    }
  /** A checkpoint that is complete on disk. `folder` is inside the job's. */
  | { readonly type: "checkpoint"; readonly step: number; readonly folder: string; readonly metrics: CheckpointNumbers }
  | { readonly type: "checkpointRemoved"; readonly step: number }
  /** Of a search, as it is now. */
  | { readonly type: "trial"; readonly trial: Trial }
  /** Where the job stands; passed on to those who watch, and not kept. */
  | {
      readonly type: "progress";
      readonly step: number;
      readonly totalSteps: number;
      readonly secondsLeft: number | null;
      readonly trainedTokens: number;
      readonly metrics: Partial<StepNumbers>;
      /** Where the step's time went, stage by stage. */
      readonly stages: readonly StageSeconds[];
      /** Whether it was made before, and lost with a stage or a trainer. */
      readonly isReplayed: boolean;
    }
  /** What the stages did in a step; the last one is remembered as long as the server runs, and nothing is kept. */
  | ({ readonly type: "timeline" } & MeasuredStep)
  /** What "auto" has become, and the task that was guessed. What was given stays, whatever this says of it. */
  | { readonly type: "resolved"; readonly method: Partial<TrainingMethod> };

export type JobFailure = {
  /** Stable, such as `invalid_training_file`. */
  readonly code: string;
  readonly message: string;
  /** The field of the request that is to blame, usually `training_file`. */
  readonly param: string | null;
};

/** Metrics of the finished model on data that were neither trained nor validated on. */
export type TestNumbers = Readonly<Record<`test_${string}`, number | null>>;

export type JobEnd =
  /** `modelFolder`: the finished model, inside the job's folder; the queue moves it away. */
  | {
      readonly status: "succeeded";
      readonly modelFolder: string;
      readonly task: string;
      readonly trainedTokens: number;
      /** Of the model, for each set that it was evaluated or tested on. */
      readonly evaluations: readonly EvaluationReport[];
      /** null where nothing was set aside for a test. */
      readonly test: TestNumbers | null;
    }
  | { readonly status: "failed"; readonly error: JobFailure }
  /** As it was told to. */
  | { readonly status: "stopped" };

/** How a run of a job has ended: one that was lost, or stopped before the job's end, is followed by another. */
export type RunEnd =
  { readonly outcome: "succeeded" | "stopped" | "lost" } | { readonly outcome: "failed"; readonly code: string };

/** `pause` and `shutdown` save a checkpoint first, `cancel` does not. */
export type StopKind = "pause" | "cancel" | "shutdown";

export type RunningJob = {
  /** May be called again, with another kind. */
  readonly stop: (kind: StopKind) => void;
  /** Rejects when the trainer was lost; the job is started again then, unless that leads nowhere. No event comes after it. */
  readonly ended: Promise<JobEnd>;
};

export type CheckpointExport = {
  /** The job's own. Absolute, as the others. */
  readonly jobFolder: string;
  /** Of the checkpoint, as its event has told it. */
  readonly checkpointFolder: string;
  /** Appears as a whole: a Hugging Face folder. */
  readonly output: string;
};

/** What is wrong with a job. */
export type JobProblem = {
  readonly message: string;
  /** The field of the request that is to blame. */
  readonly param: string | null;
  /** Name of the data file. */
  readonly file: string | null;
  readonly line: number | null;
  /** A column's name, or the number of a character in its line. */
  readonly column: string | number | null;
};

/** What a job comes to before it trains. Numbers are null where it does not get so far. */
export type JobCheck = {
  /** None: the job would train. */
  readonly problems: readonly JobProblem[];
  readonly task: TaskName | null;
  /** Of the training file, by role. */
  readonly columns: ColumnMap;
  /** Of the examples to train on, the most frequent first; null where the task has none. */
  readonly labels: readonly { readonly name: string; readonly count: number }[] | null;
  /** To train on. */
  readonly examples: number | null;
  readonly validationExamples: number | null;
  readonly testExamples: number | null;
  /** Rows of all files that are left out because they are bad. */
  readonly skipped: number | null;
  /** Rows of all files of which text is cut off. */
  readonly truncated: number | null;
  /** Of the run; of a search, of its first run. */
  readonly steps: number | null;
  readonly warnings: readonly string[];
};

/** Of a job of which nothing is known. */
export const nothingChecked: Omit<JobCheck, "problems"> = {
  task: null,
  columns: {},
  labels: null,
  examples: null,
  validationExamples: null,
  testExamples: null,
  skipped: null,
  truncated: null,
  steps: null,
  warnings: [],
};

export type CheckContext = Pick<JobContext, "folder" | "dataFiles"> & { readonly signal: AbortSignal };

export type JobRunner = {
  /** Rejects when the process that checks is lost, and with the signal's reason. Nothing is left of it. */
  readonly check: (job: CheckedJob, context: CheckContext) => Promise<JobCheck>;
  /** Texts of single rows of a file. Rejects as reading them does, and with the signal's reason. */
  readonly readTexts: (
    file: DataFile & { readonly bytes: number },
    request: ReadRowTextsOptions & { readonly signal: AbortSignal },
  ) => Promise<readonly FoundRow[]>;
  /** Rejects when the trainer cannot be started, which counts as one that was lost. */
  readonly start: (job: JobSpec, context: JobContext) => Promise<RunningJob>;
  /** Rejects with an error of the code `disk_full` when there is no room, and however it likes when the checkpoint goes meanwhile. */
  readonly exportCheckpoint: (request: CheckpointExport) => Promise<void>;
};
