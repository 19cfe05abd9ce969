/** @file Where a finished job's model is wrong: what its trainer has told, with the texts of the job's data as long as that is there. */
import { hasEvaluationReport, type EvaluationReport, type Mistake, type MistakeValue } from "@stagecoach/training";
import type { FoundRow } from "@stagecoach/training/node";
import type { TaskName } from "@stagecoach/transformer";
import type { FileLibrary } from "../files/fileLibrary.ts";
import type { JobRecord } from "../store/jobRecords.ts";
import type { Store } from "../store/openStore.ts";
import type { BoundedWork } from "./boundedWork.ts";
import { RefusedError } from "./errors.ts";
import type { JobRunner } from "./jobRunner.ts";
import type { TrainingMethod } from "./trainingRequest.ts";

export type EvaluationSources = {
  readonly store: Store;
  readonly files: FileLibrary;
  readonly runner: Pick<JobRunner, "readTexts">;
  /** In which files are read: a large one takes a process. */
  readonly work: BoundedWork;
};

/** How many evaluations may be asked for at the same time. */
export const MAX_EVALUATIONS = 4;

export type EvaluationRequest = {
  /** Default: validation where there was one. */
  readonly split?: EvaluationReport["split"] | undefined;
  readonly signal: AbortSignal;
};

/** Texts and line are null when the file is not there any more. */
export type ShownMistake = Pick<FoundRow, "line"> & {
  readonly text: string | null;
  readonly text_pair: string | null;
  readonly expected: MistakeValue;
  readonly predicted: MistakeValue;
  readonly score: number;
};

export type JobEvaluation = Omit<EvaluationReport, "mistakes" | "columns"> & {
  readonly mistakes: readonly ShownMistake[];
};

/** @throws RefusedError `not_found` where the job has none, and as `BoundedWork.run`; the signal's reason */
export async function jobEvaluation(
  sources: EvaluationSources,
  job: JobRecord,
  { split, signal }: EvaluationRequest,
): Promise<JobEvaluation> {
  const reports = await sources.store.models.evaluationsOf(job.id);
  const report = ["validation", "test"]
    .filter((each) => split === undefined || each === split)
    .flatMap((each) => reports.find((one) => one.split === each) ?? [])[0];
  if (report === undefined) throw await noEvaluation(sources, job, split);
  const { mistakes, columns: _, ...others } = report;
  const rows = await rowsOf(sources, job, { report, signal });
  return { ...others, mistakes: mistakes.map((mistake) => shown(mistake, rows.get(mistake.place))) };
}

async function rowsOf(
  { store, files, runner, work }: EvaluationSources,
  job: JobRecord,
  { report, signal }: { readonly report: EvaluationReport; readonly signal: AbortSignal },
): Promise<ReadonlyMap<number, FoundRow>> {
  const { split, mistakes, columns, task } = report;
  const id = split === "validation" ? (job.validation_file ?? job.training_file) : job.training_file;
  const file = await store.files.find(id);
  if (file === undefined || mistakes.length === 0) return new Map();
  const places = mistakes.map(({ place }) => place);
  const given = { path: files.pathOf(file), filename: file.filename, bytes: file.bytes };
  try {
    const found = await work.run(signal, (ending) =>
      runner.readTexts(given, { places, columns, task, signal: ending }),
    );
    return new Map(found.map((row) => [row.place, row]));
  } catch (error) {
    // It was deleted meanwhile.
    if ((await store.files.find(id)) === undefined) return new Map();
    throw error;
  }
}

function shown({ expected, predicted, score }: Mistake, row: FoundRow | undefined): ShownMistake {
  const { text = null, pair = null, line = null, choices = null } = row ?? {};
  const named = (value: MistakeValue) => (choices === null ? value : (choices[Number(value)] ?? value));
  return { text, text_pair: pair, line, expected: named(expected), predicted: named(predicted), score };
}

async function noEvaluation(
  { store }: EvaluationSources,
  job: JobRecord,
  split: EvaluationRequest["split"],
): Promise<RefusedError> {
  const of = (message: string) => new RefusedError("not_found", message, { field: "fine_tuning_job_id" });
  if (job.status !== "succeeded")
    return of(`The job ${job.id} is ${job.status}: expected one that has succeeded, others have no evaluation`);
  if ((await store.models.find(job.model_name)) === undefined)
    return of(`The model of the job ${job.id} was deleted, and its evaluation with it`);
  const { task } = JSON.parse(job.method) as TrainingMethod & { readonly task?: TaskName };
  if (task !== undefined && !hasEvaluationReport(task))
    return of(`The job ${job.id} is of the task ${task}, which has no mistakes about single examples to tell`);
  const data =
    split === "test"
      ? "test data (give test_split)"
      : "data to evaluate on (give a validation file, or validation_split)";
  return of(`The job ${job.id} had no ${data}, or was finished by an earlier release: there is no evaluation`);
}
