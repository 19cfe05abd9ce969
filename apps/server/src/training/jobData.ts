/** @file What a job reads before it trains: its base model, its data, and what a teacher says of it. */
import type { DataSets, LoadProgress } from "@stagecoach/training/node";
import { readEncoderModel } from "@stagecoach/transformer";
import { jsonReader, resolveModel, type DownloadProgress, type ResolvedModel } from "@stagecoach/transformer/node";
import { jobPaths } from "./jobFolder.ts";
import type { OpenPipeline } from "./pipelineRequest.ts";
import { prepareData } from "./prepareData.ts";
import { findTeacher, type Teaching } from "./teacher.ts";
import type { TrainingSettings } from "./trainingSettings.ts";

export type JobData = {
  readonly base: ResolvedModel;
  readonly data: DataSets;
  /** Not asked yet. */
  readonly teaching: Teaching | null;
};

export type JobDataEvent =
  | ({ readonly type: "download" } & DownloadProgress)
  | ({ readonly type: "reading" } & LoadProgress)
  /** Texts of which the teacher has been asked. */
  | { readonly type: "teaching"; readonly done: number; readonly total: number }
  | { readonly type: "warning"; readonly message: string };

export type JobDataOptions = {
  /** For encoded data that does not fit into memory. */
  readonly folder: string;
  readonly tell: (event: JobDataEvent) => void;
  readonly signal?: AbortSignal | undefined;
};

/** @returns what is to be closed @throws HubError, DataError, TrainingError; the signal's reason */
export async function openJobData(settings: TrainingSettings, options: JobDataOptions): Promise<JobData> {
  const { folder, tell, signal } = options;
  const base = await resolveModel(settings.model, {
    revision: settings.revision,
    fromScratch: true,
    onProgress: (progress) => tell({ type: "download", ...progress }),
    onWarning: (message) => tell({ type: "warning", message }),
    ...(signal === undefined ? {} : { signal }),
  });
  const data = await prepareData(base.folder, settings, {
    folder,
    signal,
    onProgress: (progress) => tell({ type: "reading", ...progress }),
  });
  try {
    return { base, data, teaching: await teacherOf(settings, { base, data }, options) };
  } catch (error) {
    data.close();
    throw error;
  }
}

async function teacherOf(
  { teacher, hyperparameters }: TrainingSettings,
  { base, data }: Pick<JobData, "base" | "data">,
  { tell, signal }: JobDataOptions,
): Promise<Teaching | null> {
  if (teacher === undefined) return null;
  const model = await readEncoderModel(jsonReader(base.folder));
  return findTeacher(
    { teacher, hyperparameters },
    {
      student: { folder: base.folder, model },
      data,
      signal,
      onDownload: (progress) => tell({ type: "download", ...progress }),
      onWarning: (message) => tell({ type: "warning", message }),
    },
  );
}

/** Once; what it has said before is in the folder. @throws what loading the teacher throws; TrainingError `disk_full`; the signal's reason */
export async function askTeacher(
  { data, teaching }: Pick<JobData, "data" | "teaching">,
  { engine, threads, stages }: TrainingSettings,
  { folder, openPipeline, tell, signal }: JobDataOptions & { readonly openPipeline: OpenPipeline },
): Promise<void> {
  const options = {
    folder: jobPaths(folder).teacher,
    engine,
    threads,
    numStages: stages,
    openPipeline,
    signal,
    onProgress: (progress: { readonly done: number; readonly total: number }) =>
      tell({ type: "teaching", ...progress }),
  };
  await teaching?.answers?.ask(data, options);
  await teaching?.states?.ask(data, options);
}

export function closeJobData({ data, teaching }: Pick<JobData, "data" | "teaching">): void {
  data.close();
  teaching?.close();
}

/** What is told of data before anything is trained on it. */
export function dataFacts({ reports, labels, train, validation, test }: DataSets) {
  return {
    reports,
    labels,
    numTrain: train.examples.length,
    numEvaluation: validation?.examples.length ?? 0,
    numTest: test?.examples.length ?? 0,
  };
}

/** What whoever goes on with a job would find another: they may stand in another folder, or see a newer revision. */
export function pinned(
  { teacher }: TrainingSettings,
  { base, teaching }: Pick<JobData, "base" | "teaching">,
): Partial<Pick<TrainingSettings, "model" | "revision" | "teacher">> {
  return {
    ...(base.source === "folder" ? { model: base.folder } : { revision: base.revision ?? undefined }),
    ...(teaching === null
      ? {}
      : { teacher: { name: teacher!.model, ...teacher!, model: teaching.folder, revision: undefined } }),
  };
}
