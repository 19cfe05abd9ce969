/** @file Files, jobs and the models that come of them: everything that `/v1/files` and `/v1/fine_tuning` need, opened and closed together. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import { ContentFolder } from "../files/contentFolder.ts";
import { FileLibrary } from "../files/fileLibrary.ts";
import type { JobRecord } from "../store/jobRecords.ts";
import { openStore, type Store } from "../store/openStore.ts";
import { endedStatuses, type JobStatus } from "../store/schema.ts";
import { BoundedWork } from "./boundedWork.ts";
import { CheckpointModels } from "./checkpointModels.ts";
import { CheckpointQuota } from "./checkpointQuota.ts";
import { createJob, type ModelSources } from "./createJob.ts";
import { RefusedError } from "./errors.ts";
import { FineTunedModels, type FineTunedModel } from "./fineTunedModels.ts";
import { JobFeed } from "./jobFeed.ts";
import { jobEvaluation, MAX_EVALUATIONS, type EvaluationRequest, type JobEvaluation } from "./jobEvaluation.ts";
import { jobFolderOf, JobQueue } from "./jobQueue.ts";
import { JobRecorder } from "./jobRecorder.ts";
import type { JobCheck, JobRunner, RunEnd, RunnerEvent } from "./jobRunner.ts";
import type { TrainingRequest } from "./trainingRequest.ts";
import { JobValidation } from "./validateJob.ts";

export type JobsOptions = Pick<ModelSources, "findBaseModel"> & {
  readonly dataDir: string;
  readonly databaseUrl?: string | undefined;
  readonly maxFileBytes: number;
  readonly maxFilesBytes: number;
  /** Seconds after its end for which a job's checkpoints are kept. */
  readonly checkpointRetention: number;
  /** All checkpoints together. */
  readonly maxCheckpointsBytes: number;
  readonly runner: JobRunner;
  /** Jobs that run at the same time. Default 1. */
  readonly maxRunning?: number;
  /** How long to wait before what the store has refused is tried again; JobQueue has a default. */
  readonly retryMs?: number;
  readonly log: Logger;
  /** Unix seconds. */
  readonly now?: () => number;
  /** A job's runner has told something. */
  readonly onEvent?: (jobId: string, event: RunnerEvent) => void;
  /** A job runs from now on. */
  readonly onStart?: (jobId: string) => void;
  /** A job runs no longer. */
  readonly onIdle?: (jobId: string, end: RunEnd) => void;
};

type JobModel = Pick<FineTunedModel, "id" | "folder" | "createdAt">;

export type Jobs = {
  readonly store: Store;
  readonly files: FileLibrary;
  readonly models: FineTunedModels;
  readonly checkpointModels: CheckpointModels;
  /** A model that a job has made, or one of its checkpoints. @throws RefusedError for a checkpoint that is not there any more */
  readonly findModel: (id: string) => Promise<JobModel | null>;
  readonly queue: JobQueue;
  readonly feed: JobFeed;
  /** @throws RefusedError */
  readonly create: (request: TrainingRequest) => Promise<JobRecord>;
  /** As `JobValidation.validate`. */
  readonly validate: (request: TrainingRequest, signal: AbortSignal) => Promise<JobCheck>;
  /** As `jobEvaluation`; also RefusedError `not_found` for no such job. */
  readonly evaluation: (jobId: string, request: EvaluationRequest) => Promise<JobEvaluation>;
  /** @throws RefusedError `not_found` */
  readonly find: (jobId: string) => Promise<JobRecord>;
  readonly counts: () => Promise<Record<JobStatus, number>>;
  /** Remove what has outlived its time: files, and checkpoints of jobs that have ended. */
  readonly sweep: () => Promise<void>;
  /** Running jobs save a checkpoint and wait for the next start; those who watch are sent away. */
  readonly close: () => Promise<void>;
};

const SWEEP_MS = 600_000;

/** @throws StoreLockedError when another gateway works on the same folder or database @throws StoreError */
export async function openJobs(options: JobsOptions): Promise<Jobs> {
  const { dataDir, runner, log, now = () => Math.floor(Date.now() / 1000) } = options;
  const { maxFileBytes, maxFilesBytes: maxTotalBytes, onEvent = () => {}, onStart, onIdle, maxRunning = 1 } = options;
  const onInterruption = (error: Error) => log.warn({ reason: error.message }, "the database's connection broke");
  const store = await openStore({ dataDir, databaseUrl: options.databaseUrl, onInterruption });
  try {
    const contents = new ContentFolder(join(dataDir, "files"));
    const files = new FileLibrary({ store, contents, maxFileBytes, maxTotalBytes, now });
    const models = new FineTunedModels(store, dataDir);
    const feed = new JobFeed();
    const checkpointModels = new CheckpointModels({ store, dataDir, runner, retention: options.checkpointRetention });
    const quota = new CheckpointQuota({ store, dataDir, checkpointModels, maxBytes: options.maxCheckpointsBytes });
    const onCheckpointRemoved = (jobId: string, step: number) =>
      void checkpointModels
        .remove(jobId, step)
        .catch((error: unknown) => log.error({ jobId, step, err: error }, "the model of a checkpoint was not removed"));
    const recorder = new JobRecorder({ store, feed, dataDir, now, onEvent, onCheckpointRemoved });
    const queue = new JobQueue({
      store,
      files,
      models,
      recorder,
      dataDir,
      now,
      runner,
      quota,
      feed,
      log,
      maxRunning,
      ...(onStart && { onStart }),
      ...(onIdle && { onIdle }),
      ...(options.retryMs !== undefined && { retryMs: options.retryMs }),
    });
    const validation = new JobValidation({
      store,
      files,
      models,
      runner,
      dataDir,
      findBaseModel: options.findBaseModel,
    });
    const evaluations = new BoundedWork({ max: MAX_EVALUATIONS, what: "evaluations are being read" });
    await files.prepare();
    await removeUnknownModels(store, dataDir);
    await checkpointModels.prepare();
    const find = async (jobId: string): Promise<JobRecord> => {
      const job = await store.jobs.find(jobId);
      if (job !== undefined) return job;
      throw new RefusedError("not_found", `Could not find fine tune: ${jobId}`, { field: "fine_tuning_job_id" });
    };
    const sweep = async () => {
      await files.sweep();
      await sweepCheckpoints(store, { dataDir, before: now() - options.checkpointRetention, checkpointModels });
    };
    const sweeping = setInterval(
      () => void sweep().catch((error: unknown) => log.error({ err: error }, "sweep failed")),
      SWEEP_MS,
    );
    sweeping.unref();
    await sweep();
    await queue.start();
    return {
      store,
      files,
      models,
      checkpointModels,
      findModel: async (id) => (await models.find(id)) ?? checkpointModels.find(id),
      queue,
      feed,
      create: async (request) => {
        const job = await createJob({ store, models, recorder, now, ...options }, request);
        queue.wake();
        return job;
      },
      validate: (request, signal) => validation.validate(request, signal),
      find,
      evaluation: async (jobId, request) =>
        jobEvaluation({ store, files, runner, work: evaluations }, await find(jobId), request),
      counts: () => store.jobs.countByStatus(),
      sweep,
      async close() {
        clearInterval(sweeping);
        feed.close();
        validation.close();
        evaluations.close();
        await queue.stop();
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

type Sweep = { readonly dataDir: string; readonly before: number; readonly checkpointModels: CheckpointModels };

async function sweepCheckpoints(store: Store, { dataDir, before, checkpointModels }: Sweep) {
  for (const jobId of await store.jobs.endedBefore(before)) {
    await store.history.removeCheckpoints(jobId);
    await checkpointModels.removeAll(jobId);
    await rm(join(dataDir, jobFolderOf(jobId)), { recursive: true, force: true });
    await store.jobs.change(jobId, { from: endedStatuses }, { is_swept: 1 });
  }
}

/** Folders of models that were never finished, or whose removal was cut short. */
async function removeUnknownModels(store: Store, dataDir: string): Promise<void> {
  const folder = join(dataDir, "models");
  const known = new Set((await store.models.list()).map((model) => model.folder));
  const found = await readdir(folder).catch(() => []);
  for (const name of found) if (!known.has(join("models", name))) await rm(join(folder, name), { recursive: true });
}
