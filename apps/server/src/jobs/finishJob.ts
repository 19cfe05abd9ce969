/**
 * @file The end of a job that has succeeded: its model gets its lasting place, its numbers become a file, and both appear
 * together with the job's new state, or none of them does.
 */
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { FileLibrary } from "../files/fileLibrary.ts";
import type { JobRecord } from "../store/jobRecords.ts";
import type { Store } from "../store/openStore.ts";
import type { FineTunedModels } from "./fineTunedModels.ts";
import type { JobRecorder } from "./jobRecorder.ts";
import type { JobEnd } from "./jobRunner.ts";
import { resultCsv, type ReportedNumbers } from "./resultCsv.ts";
import type { Trial } from "./searchSchema.ts";
import { TRIALS_CSV, trialsCsv } from "./trialReport.ts";

export type FinishOptions = {
  readonly store: Store;
  readonly files: FileLibrary;
  readonly models: FineTunedModels;
  readonly recorder: JobRecorder;
  readonly dataDir: string;
  readonly now: () => number;
};

type Success = Extract<JobEnd, { readonly status: "succeeded" }>;

/** Where a job's model goes, relative to the data folder. */
export const modelFolderOf = (jobId: string): string => join("models", jobId);

/**
 * May be called again after it has failed, also where it had stored the job's end before: its model stays then, and is announced.
 * A job that was cancelled meanwhile stays so, and its model is removed.
 */
export async function finishJob(options: FinishOptions, job: JobRecord, end: Success): Promise<void> {
  const { store, models, dataDir } = options;
  const hasSucceeded = async () => (await store.jobs.find(job.id))?.status === "succeeded";
  if (!(await hasSucceeded())) {
    const folder = join(dataDir, modelFolderOf(job.id));
    await moveFolder(end.modelFolder, folder);
    // The word of an earlier call's commit may have been lost while the commit itself was still on its way.
    if (!(await storeSuccess(options, job, end)) && !(await hasSucceeded()))
      return rm(folder, { recursive: true, force: true });
  }
  await models.announce(job.model_name);
}

/** @returns whether the job was still running, and so has succeeded now */
async function storeSuccess(
  { store, files, recorder, now }: FinishOptions,
  job: JobRecord,
  end: Success,
): Promise<boolean> {
  let isStored = false;
  await files.addResult(await resultOf(store, job.id), async (result) => {
    isStored = await store.transaction(async (records) => {
      const time = now();
      const facts = { finished_at: time, trained_tokens: end.trainedTokens, result_file: result.id };
      const ended = { status: "succeeded" as const, ...facts };
      if (!(await records.jobs.change(job.id, { from: ["running"], attempt: job.attempt }, ended))) return false;
      await records.files.add(result);
      const { id: job_id, model_name: id, model: base } = job;
      const folder = modelFolderOf(job_id);
      await records.models.add({ id, job_id, base, task: end.task, folder, created_at: time });
      for (const evaluation of end.evaluations) await records.models.addEvaluation(job_id, evaluation);
      await recorder.note(records, job_id, { message: `New fine-tuned model created: ${id}` });
      await recorder.note(records, job_id, { message: "The job has successfully completed", data: end.test });
      return true;
    });
    return isStored;
  });
  return isStored;
}

/** The numbers of its steps; of a search, of its trials. */
async function resultOf({ history }: Store, jobId: string): Promise<{ filename: string; text: string }> {
  const trials = (await history.trialsOf(jobId)).map((json) => JSON.parse(json) as Trial);
  if (trials.length > 0) return { filename: TRIALS_CSV, text: trialsCsv(trials) };
  const reports = (await history.metricsOf(jobId)).map(({ data }) => JSON.parse(data!) as ReportedNumbers);
  return { filename: "step_metrics.csv", text: resultCsv(reports) };
}

/** Nothing refers to the target before the job has succeeded: what is there is left from an attempt that did not get so far. */
async function moveFolder(from: string, to: string): Promise<void> {
  if (!existsSync(from) && existsSync(to)) return;
  await rm(to, { recursive: true, force: true });
  await mkdir(dirname(to), { recursive: true });
  await rename(from, to);
}
