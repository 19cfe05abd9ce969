/**
 * @file The queue of jobs: which one runs, and what becomes of it.
 *
 *     queued -> running -> succeeded | failed | cancelled
 *        ^         |
 *        +- paused <
 *
 * The store is the truth: every step is a change there first, made only if the job is still what it was thought to be.
 * So a job that was accepted is never lost, and never run twice at once: whoever starts one has changed it from queued to
 * running, and a job whose trainer has not ended yet is not started again.
 */
import { Serial } from "@stagecoach/parallel";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { JobRecord } from "../store/jobRecords.ts";
import type { JobStatus } from "../store/schema.ts";
import type { CheckpointQuota } from "./checkpointQuota.ts";
import { RefusedError } from "./errors.ts";
import { finishJob, type FinishOptions } from "./finishJob.ts";
import type { JobFeed } from "./jobFeed.ts";
import type {
  CheckpointSize,
  DataFile,
  JobEnd,
  JobFailure,
  JobRunner,
  JobModels,
  JobSpec,
  RunEnd,
  RunnerEvent,
  RunningJob,
  StopKind,
} from "./jobRunner.ts";

export type JobQueueOptions = FinishOptions & {
  readonly runner: JobRunner;
  readonly quota: CheckpointQuota;
  readonly feed: JobFeed;
  readonly log: Logger;
  /** Jobs that run at the same time. */
  readonly maxRunning?: number;
  /** Trainers that a job may lose in a row without a new checkpoint before it fails. */
  readonly maxStalls?: number;
  /** How long to wait before what the store has refused is tried again: to store an end, to look for jobs. */
  readonly retryMs?: number;
  /** A job runs from now on. */
  readonly onStart?: (jobId: string) => void;
  /** A job runs no longer. */
  readonly onIdle?: (jobId: string, end: RunEnd) => void;
};

type Run = {
  readonly attempt: number;
  stop: StopKind | null;
  running: RunningJob | null;
  ended: Promise<void>;
};

type Outcome = JobEnd | { readonly status: "lost"; readonly reason: string };

/** Where a job's checkpoints are, relative to the data folder. */
export const jobFolderOf = (jobId: string): string => join("jobs", jobId);

const MAX_STALLS = 4;
const RETRY_MS = 5000;

export class JobQueue {
  readonly #options: JobQueueOptions;
  readonly #runs = new Map<string, Run>();
  readonly #claims = new Serial();
  #isStopping = false;
  #nextLook: NodeJS.Timeout | undefined;

  constructor(options: JobQueueOptions) {
    this.#options = options;
  }

  /** Jobs that a gateway before this one has left running go on from their checkpoints. */
  async start(): Promise<void> {
    const { store, log } = this.#options;
    for (const jobId of await store.jobs.requeueRunning())
      log.warn({ jobId }, "the job goes on from its last checkpoint");
    this.wake();
  }

  /** Look for jobs to start; where that fails, again after a while. */
  wake(): void {
    const { log, retryMs = RETRY_MS } = this.#options;
    this.#claims
      .run(() => this.#fill())
      .catch((error: unknown) => {
        log.error({ err: error }, "no job could be started");
        clearTimeout(this.#nextLook);
        if (!this.#isStopping) this.#nextLook = setTimeout(() => this.wake(), retryMs);
      });
  }

  /** @throws RefusedError `not_found`, or `wrong_state` for a job that has ended */
  async cancel(jobId: string): Promise<JobRecord> {
    const changes = { status: "cancelled" as const, finished_at: this.#options.now() };
    const job = await this.#move(jobId, {
      from: ["queued", "running", "paused"],
      changes,
      message: "Fine-tuning job cancelled",
    });
    this.#stop(job, "cancel");
    return job;
  }

  /** A running job saves a checkpoint first. @throws RefusedError `not_found`, or `wrong_state` */
  async pause(jobId: string): Promise<JobRecord> {
    const changes = { status: "paused" as const };
    const job = await this.#move(jobId, { from: ["queued", "running"], changes, message: "Fine-tuning job paused" });
    this.#stop(job, "pause");
    return job;
  }

  /** @throws RefusedError `not_found`, or `wrong_state` for a job that is not paused */
  async resume(jobId: string): Promise<JobRecord> {
    const changes = { status: "queued" as const };
    const job = await this.#move(jobId, { from: ["paused"], changes, message: "Fine-tuning job resumed" });
    this.wake();
    return job;
  }

  /** Running jobs save a checkpoint and wait for the next start. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#nextLook);
    await this.#claims.run(() => Promise.resolve());
    for (const run of this.#runs.values()) if (run.stop !== "cancel") this.#tell(run, "shutdown");
    await Promise.all([...this.#runs.values()].map(({ ended }) => ended));
  }

  async #move(
    jobId: string,
    {
      from,
      changes,
      message,
    }: {
      readonly from: readonly JobStatus[];
      readonly changes: Partial<JobRecord> & { readonly status: JobStatus };
      readonly message: string;
    },
  ): Promise<JobRecord> {
    const { store, recorder } = this.#options;
    const job = await store.transaction(async (records) => {
      const changed = await records.jobs.change(jobId, { from }, changes);
      if (changed === undefined) {
        const found = await records.jobs.find(jobId);
        if (found === undefined)
          throw new RefusedError("not_found", `Could not find fine tune: ${jobId}`, { field: "fine_tuning_job_id" });
        throw new RefusedError(
          "wrong_state",
          `The job ${jobId} is ${found.status}: expected one that is ${from.join(" or ")}`,
        );
      }
      await recorder.note(records, jobId, { message });
      return changed;
    });
    recorder.stored(jobId);
    return job;
  }

  #stop({ id, attempt }: JobRecord, kind: StopKind): void {
    const run = this.#runs.get(id);
    if (run?.attempt === attempt) this.#tell(run, kind);
  }

  #tell(run: Run, kind: StopKind): void {
    run.stop = kind;
    run.running?.stop(kind);
  }

  async #fill(): Promise<void> {
    const { store, maxRunning = 1, now } = this.#options;
    while (!this.#isStopping && this.#runs.size < maxRunning) {
      const job = await store.jobs.claim({ now: now(), except: [...this.#runs.keys()] });
      if (job === undefined) return;
      const run: Run = { attempt: job.attempt, stop: null, running: null, ended: Promise.resolve() };
      this.#runs.set(job.id, run);
      run.ended = this.#run(job, run);
    }
  }

  async #run(job: JobRecord, run: Run): Promise<void> {
    const { log, feed, onStart, onIdle, retryMs = RETRY_MS } = this.#options;
    const events = new Serial();
    onStart?.(job.id);
    const outcome = await this.#train(job, run, events);
    let end: RunEnd = { outcome: "stopped" };
    for (let isSettled = false; !isSettled;) {
      try {
        end = await events.run(() => this.#settle(job, run, outcome));
        isSettled = true;
      } catch (error) {
        log.error({ jobId: job.id, err: error }, "the end of a job could not be stored");
        // The next start finds the job running, and goes on from its last checkpoint.
        if (this.#isStopping) break;
        await sleep(retryMs);
      }
    }
    this.#runs.delete(job.id);
    feed.forget(job.id);
    onIdle?.(job.id, end);
    this.wake();
  }

  async #train(job: JobRecord, run: Run, events: Serial): Promise<Outcome> {
    const { runner, recorder, store, dataDir, log, quota } = this.#options;
    try {
      const dataFiles = await this.#dataFilesOf(job);
      if ("error" in dataFiles) return dataFiles;
      const folder = join(dataDir, jobFolderOf(job.id));
      await mkdir(folder, { recursive: true });
      await recorder.note(store, job.id, { message: "Fine-tuning job started", once: "started" });
      recorder.stored(job.id);
      log.info({ jobId: job.id, attempt: job.attempt, model: job.model }, "job started");
      const onEvent = (event: RunnerEvent) => events.run(() => recorder.record(job, event));
      const makeRoom = (checkpoint: CheckpointSize) => quota.makeRoom(job.id, checkpoint);
      run.running = await runner.start(specOf(job), { folder, dataFiles, onEvent, makeRoom });
      if (run.stop !== null) run.running.stop(run.stop);
      return await run.running.ended;
    } catch (error) {
      log.warn({ jobId: job.id, attempt: job.attempt, err: error }, "the job's trainer was lost");
      return { status: "lost", reason: error instanceof Error ? error.message : String(error) };
    }
  }

  async #dataFilesOf(job: JobRecord) {
    const fileOf = async (id: string): Promise<DataFile | null> => {
      const file = await this.#options.store.files.find(id);
      return file === undefined ? null : { path: this.#options.files.pathOf(file), filename: file.filename };
    };
    const training = await fileOf(job.training_file);
    const validation = job.validation_file === null ? null : await fileOf(job.validation_file);
    if (training === null) return missingFile("training_file", job.training_file);
    if (job.validation_file !== null && validation === null) return missingFile("validation_file", job.validation_file);
    return { training, validation };
  }

  async #settle(job: JobRecord, run: Run, outcome: Outcome): Promise<RunEnd> {
    const { log, maxStalls = MAX_STALLS } = this.#options;
    log.info({ jobId: job.id, attempt: job.attempt, outcome: outcome.status }, "job ended");
    if (outcome.status === "succeeded") {
      await finishJob(this.#options, job, outcome);
      this.#options.recorder.stored(job.id);
      return { outcome: "succeeded" };
    }
    if (outcome.status === "failed") return this.#fail(job, outcome.error);
    if (run.stop !== null) {
      await this.#requeue(job, {});
      return { outcome: "stopped" };
    }
    const stalls = ((await this.#options.store.jobs.find(job.id))?.stalls ?? 0) + 1;
    if (stalls < maxStalls) {
      await this.#requeue(job, { stalls });
      return { outcome: "lost" };
    }
    const reason = outcome.status === "lost" ? outcome.reason : "it stopped unasked";
    const message = `the trainer was lost ${stalls} times without getting to a checkpoint; the last time: ${reason}`;
    return this.#fail(job, { code: "trainer_lost", message, param: null });
  }

  /** A job that was paused or cancelled meanwhile is left as it is. */
  async #requeue(job: JobRecord, changes: Partial<JobRecord>): Promise<void> {
    const only = { from: ["running" as const], attempt: job.attempt };
    await this.#options.store.jobs.change(job.id, only, { status: "queued", ...changes });
  }

  async #fail(job: JobRecord, error: JobFailure): Promise<RunEnd> {
    const { store, recorder, now } = this.#options;
    const ended = { status: "failed" as const, finished_at: now(), error: JSON.stringify(error) };
    const hasFailed = await store.transaction(async (records) => {
      const changed = await records.jobs.change(job.id, { from: ["running"], attempt: job.attempt }, ended);
      if (changed === undefined) return false;
      await recorder.note(records, job.id, { level: "error", message: `The job failed: ${error.message}` });
      return true;
    });
    recorder.stored(job.id);
    return hasFailed ? { outcome: "failed", code: error.code } : { outcome: "stopped" };
  }
}

function missingFile(param: "training_file" | "validation_file", id: string) {
  const message = `the file ${id} is not there any more`;
  return { status: "failed" as const, error: { code: `invalid_${param}`, message, param } };
}

function specOf(job: JobRecord): JobSpec {
  const { teacher, ...base } = JSON.parse(job.base) as JobModels;
  return {
    id: job.id,
    model: job.model,
    base,
    ...(teacher === undefined ? {} : { teacher }),
    method: JSON.parse(job.method) as JobSpec["method"],
    seed: job.seed,
    modelName: job.model_name,
    attempt: job.attempt,
  };
}
