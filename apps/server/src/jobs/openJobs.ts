/** @file Files, jobs and the models that come of them: everything that `/v1/files` and `/v1/fine_tuning` need, opened and closed together. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import { ContentFolder } from "../files/contentFolder.ts";
import { FileLibrary } from "../files/fileLibrary.ts";
import type { JobRecord } from "../store/jobRecords.ts";
import { newId } from "../store/newId.ts";
import { openStore, type Store } from "../store/openStore.ts";
import { endedStatuses, type JobStatus } from "../store/schema.ts";
import { CheckpointModels } from "./checkpointModels.ts";
import { CheckpointQuota } from "./checkpointQuota.ts";
import { RefusedError } from "./errors.ts";
import { FineTunedModels } from "./fineTunedModels.ts";
import { JobFeed } from "./jobFeed.ts";
import { jobFolderOf, JobQueue } from "./jobQueue.ts";
import { JobRecorder } from "./jobRecorder.ts";
import type { BaseModel, JobModels, JobRunner, RunEnd, RunnerEvent } from "./jobRunner.ts";
import { newModelName } from "./modelName.ts";
import { methodOf, type TrainingRequest } from "./trainingRequest.ts";

export type JobsOptions = {
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
  /** The model of this name, if a job can start from it. Fine-tuned models are known already. */
  readonly findBaseModel: (name: string) => Promise<BaseModel | null>;
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

export type Jobs = {
  readonly store: Store;
  readonly files: FileLibrary;
  readonly models: FineTunedModels;
  readonly checkpointModels: CheckpointModels;
  readonly queue: JobQueue;
  readonly feed: JobFeed;
  /** @throws RefusedError */
  readonly create: (request: TrainingRequest) => Promise<JobRecord>;
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
    await files.prepare();
    await removeUnknownModels(store, dataDir);
    await checkpointModels.prepare();
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
      queue,
      feed,
      create: async (request) => {
        const job = await createJob({ store, models, recorder, now, ...options }, request);
        queue.wake();
        return job;
      },
      async find(jobId) {
        const job = await store.jobs.find(jobId);
        if (job === undefined)
          throw new RefusedError("not_found", `Could not find fine tune: ${jobId}`, { field: "fine_tuning_job_id" });
        return job;
      },
      counts: () => store.jobs.countByStatus(),
      sweep,
      async close() {
        clearInterval(sweeping);
        feed.close();
        await queue.stop();
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

type Creation = Pick<JobsOptions, "findBaseModel"> & {
  readonly store: Store;
  readonly models: FineTunedModels;
  readonly recorder: JobRecorder;
  readonly now: () => number;
};

async function createJob(
  { store, models, recorder, now, findBaseModel }: Creation,
  request: TrainingRequest,
): Promise<JobRecord> {
  const { model, training_file, validation_file = null, suffix, metadata } = request;
  const { seed, method } = methodOf(request);
  const named = [{ name: model, field: "model" }];
  if (method.teacher !== undefined)
    named.push({ name: method.teacher.model, field: "method.supervised.teacher.model" });
  const found = await Promise.all(named.map((each) => findModel(each, { models, findBaseModel })));
  const [base, teacher] = found.map(({ place }) => place) as [BaseModel, BaseModel?];
  const places: JobModels = { ...base, ...(teacher === undefined ? {} : { teacher }) };
  return store.transaction(async (records) => {
    for (const [param, id] of Object.entries({ training_file, validation_file })) {
      const file = id === null ? null : await records.files.find(id);
      if (file === undefined)
        throw new RefusedError("invalid_input", `\`${param}\`: expected the id of an uploaded file, got "${id}"`, {
          field: param,
        });
      if (file !== null && file.purpose !== "fine-tune") {
        const message = `\`${param}\`: expected a file with the purpose "fine-tune", got ${id} with "${file.purpose}"`;
        throw new RefusedError("invalid_input", message, { field: param });
      }
    }
    // It may have been deleted since it was looked up.
    for (const { name, field, isFineTuned } of found) {
      if (isFineTuned && (await records.models.find(name)) === undefined)
        throw new RefusedError("unknown_model", `The model \`${name}\` does not exist`, { field });
    }
    const job = await records.jobs.add({
      id: newId("ftjob-"),
      created_at: now(),
      model,
      base: JSON.stringify(places),
      training_file,
      validation_file,
      seed,
      method: JSON.stringify(method),
      metadata: metadata == null ? null : JSON.stringify(metadata),
      model_name: newModelName(model, suffix ?? ""),
    });
    await recorder.note(records, job.id, { message: `Created fine-tuning job: ${job.id}` });
    return job;
  });
}

type NamedModel = { readonly name: string; readonly field: string };

/** @throws RefusedError for a model that is neither served nor made by a job */
async function findModel(
  { name, field }: NamedModel,
  { models, findBaseModel }: Pick<Creation, "models" | "findBaseModel">,
): Promise<NamedModel & { readonly place: BaseModel; readonly isFineTuned: boolean }> {
  const fineTuned = await models.find(name);
  const place = fineTuned === null ? await findBaseModel(name) : { reference: fineTuned.folder, revision: null };
  if (place !== null) return { name, field, place, isFineTuned: fineTuned !== null };
  const use = field === "model" ? "fine-tuned" : "learned from";
  const message = `The model \`${name}\` does not exist, or cannot be ${use} here (GET /v1/models lists those that can)`;
  throw new RefusedError("unknown_model", message, { field });
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
