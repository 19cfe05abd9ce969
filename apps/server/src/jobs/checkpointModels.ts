/**
 * @file Models of checkpoints, by the names that OpenAI gives them (`ft:...:ckpt-step-N`). One is written when it is first asked for, into
 * a folder beside the checkpoints, and goes with its checkpoint.
 */
import { Serial } from "@stagecoach/parallel";
import { existsSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { CheckpointRecord } from "../store/jobHistory.ts";
import type { JobRecord } from "../store/jobRecords.ts";
import type { Store } from "../store/openStore.ts";
import { RefusedError } from "./errors.ts";
import type { JobRunner } from "./jobRunner.ts";
import { jobFolderOf } from "./jobQueue.ts";
import { checkpointName, parseCheckpointName } from "./modelName.ts";

export type CheckpointModelsOptions = {
  readonly store: Store;
  readonly dataDir: string;
  readonly runner: Pick<JobRunner, "exportCheckpoint">;
  /** Seconds after its end for which a job's checkpoints are kept. */
  readonly retention: number;
};

export type CheckpointModel = {
  readonly id: string;
  /** A Hugging Face folder. Absolute. */
  readonly folder: string;
  /** Unix seconds. */
  readonly createdAt: number;
};

export class CheckpointModels {
  readonly #options: CheckpointModelsOptions;
  readonly #listeners = new Set<(name: string) => Promise<void> | void>();
  /** Folders come and go one at a time. */
  readonly #changes = new Serial();

  constructor(options: CheckpointModelsOptions) {
    this.#options = options;
  }

  /** Before anything else: remove what the last gateway has left, whole or not. */
  async prepare(): Promise<void> {
    const jobs = join(this.#options.dataDir, "jobs");
    for (const jobId of await readdir(jobs).catch(() => []))
      await rm(this.#folderOf(jobId), { recursive: true, force: true });
  }

  /** Be told which one goes, before its folder does. */
  watch(listener: (name: string) => Promise<void> | void): void {
    this.#listeners.add(listener);
  }

  /**
   * @returns null when the name is none of a checkpoint, or of a job that there is not
   * @throws RefusedError `unknown_model` when the checkpoint is not there any more, `disk_full`
   */
  async find(name: string): Promise<CheckpointModel | null> {
    const parsed = parseCheckpointName(name);
    const job = parsed === null ? undefined : await this.#options.store.jobs.findByModelName(parsed.modelName);
    if (parsed === null || job === undefined) return null;
    return this.#changes.run(() => this.#open(job, parsed.step));
  }

  /** The checkpoint is not in the store any more. */
  async remove(jobId: string, step: number): Promise<void> {
    const job = await this.#options.store.jobs.find(jobId);
    const folder = this.#folderOf(jobId, step);
    await this.#changes.run(async () => {
      if (job === undefined || !existsSync(folder)) return;
      for (const listener of this.#listeners) await listener(checkpointName(job.model_name, step));
      await rm(folder, { recursive: true, force: true });
    });
  }

  /** None of the job's checkpoints is in the store any more. */
  async removeAll(jobId: string): Promise<void> {
    const names = await this.#changes.run(() => readdir(this.#folderOf(jobId)).catch(() => []));
    for (const name of names) await this.remove(jobId, Number(/\d+/.exec(name)));
  }

  async #open(job: JobRecord, step: number): Promise<CheckpointModel> {
    const checkpoint = await this.#options.store.history.findCheckpoint(job.id, step);
    if (checkpoint === undefined) throw await this.#removed(job, step);
    const folder = this.#folderOf(job.id, step);
    if (!existsSync(folder)) await this.#export(job, checkpoint, folder);
    return { id: checkpointName(job.model_name, step), folder, createdAt: checkpoint.created_at };
  }

  async #export(job: JobRecord, { folder, step }: CheckpointRecord, output: string): Promise<void> {
    const { dataDir, runner } = this.#options;
    const checkpointFolder = join(dataDir, folder);
    await mkdir(dirname(output), { recursive: true });
    try {
      await runner.exportCheckpoint({ jobFolder: join(dataDir, jobFolderOf(job.id)), checkpointFolder, output });
    } catch (cause) {
      // A trainer removes a checkpoint first, and tells then.
      if (!existsSync(checkpointFolder)) throw await this.#removed(job, step);
      const isFull = cause instanceof Error && "code" in cause && cause.code === "disk_full";
      throw isFull ? new RefusedError("disk_full", cause.message, { cause }) : cause;
    }
  }

  async #removed({ id, model_name }: JobRecord, step: number): Promise<RefusedError> {
    const { rows } = await this.#options.store.history.listCheckpoints(id, { limit: 20 });
    const kept = rows.length === 0 ? "none" : `those of the steps ${rows.map((row) => row.step).join(", ")}`;
    const message =
      `The model \`${checkpointName(model_name, step)}\` does not exist: the checkpoint of step ${step} of ${id} was removed by retention, or never written; ` +
      `kept is ${kept} (of a running job the newest and the best, and all of these for ${this.#options.retention} s after its end: --checkpoint-retention, or until others need their room: --max-checkpoints-bytes)`;
    return new RefusedError("unknown_model", message, { field: "model" });
  }

  /** Of one checkpoint's model, or of all of the job. */
  #folderOf(jobId: string, step?: number): string {
    const folder = join(this.#options.dataDir, jobFolderOf(jobId), "checkpoint-models");
    return step === undefined ? folder : join(folder, `step-${step}`);
  }
}
