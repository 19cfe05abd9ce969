/** @file What a runner tells of its job, made durable in order and passed on to those who watch. */
import { isAbsolute, relative } from "node:path";
import type { JobRecord } from "../store/jobRecords.ts";
import { newId } from "../store/newId.ts";
import type { Records, Store } from "../store/openStore.ts";
import type { Hyperparameters } from "./hyperparameters.ts";
import type { JobFeed } from "./jobFeed.ts";
import { shownNumber } from "./jobNumbers.ts";
import type { RunnerEvent } from "./jobRunner.ts";
import type { Trial } from "./searchSchema.ts";
import { isFurther } from "./trialRanking.ts";
import type { TrainingMethod } from "./trainingRequest.ts";

export type JobRecorderOptions = {
  readonly store: Store;
  readonly feed: JobFeed;
  readonly dataDir: string;
  readonly now: () => number;
  /** After it was kept: for metrics of the server. */
  readonly onEvent: (jobId: string, event: RunnerEvent) => void;
  readonly onCheckpointRemoved: (jobId: string, step: number) => void;
};

export type JobNote = {
  readonly level?: "info" | "warn" | "error";
  readonly message: string;
  readonly type?: "message" | "metrics";
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly once?: string | null;
};

export class JobRecorder {
  readonly #options: JobRecorderOptions;

  constructor(options: JobRecorderOptions) {
    this.#options = options;
  }

  /** Add an event, in a transaction if the records are one's; whoever commits calls `stored`. */
  async note({ history }: Pick<Records, "history">, jobId: string, note: JobNote): Promise<void> {
    const { level = "info", message, type = "message", data = null, once = null } = note;
    const event = { id: newId("ftevent-"), job_id: jobId, created_at: this.#options.now(), level, message, type };
    await history.addEvent({ ...event, data: data === null ? null : JSON.stringify(data), once });
  }

  /** Tell those who watch to look. */
  stored(jobId: string): void {
    this.#options.feed.publish(jobId, { kind: "stored" });
  }

  /** An event of a runner. One that comes too late, when the job has ended or was started anew, is dropped. */
  async record({ id, attempt }: Pick<JobRecord, "id" | "attempt">, event: RunnerEvent): Promise<void> {
    const { store, feed, onEvent, onCheckpointRemoved } = this.#options;
    if (event.type === "progress") {
      feed.publish(id, { kind: "progress", progress: event });
      onEvent(id, event);
      return;
    }
    if (event.type === "timeline") return feed.rememberStep(id, event);
    const isKept = await store.transaction(async (records) => {
      const job = await records.jobs.find(id);
      const isCurrent = job?.attempt === attempt && (job.status === "running" || job.status === "paused");
      if (isCurrent) await this.#keep(records, job, event);
      return isCurrent;
    });
    if (!isKept) return;
    onEvent(id, event);
    if (event.type === "checkpointRemoved") onCheckpointRemoved(id, event.step);
    this.stored(id);
  }

  async #keep(
    records: Records,
    job: JobRecord,
    event: Exclude<RunnerEvent, { type: "progress" | "timeline" }>,
  ): Promise<void> {
    const { history, jobs } = records;
    switch (event.type) {
      case "message":
        return this.note(records, job.id, event);
      case "metrics":
        return this.note(records, job.id, {
          type: "metrics",
          message: stepMessage(event),
          data: { step: event.step, ...event.metrics },
          once: `metrics ${event.step} ${Object.keys(event.metrics).toSorted().join(" ")}`,
        });
      case "checkpoint": {
        const { step, metrics } = event;
        const checkpoint = { id: newId("ftckpt_"), job_id: job.id, created_at: this.#options.now(), step };
        await history.addCheckpoint({
          ...checkpoint,
          folder: this.#inside(event.folder),
          metrics: JSON.stringify(metrics),
        });
        await jobs.change(job.id, { from: [job.status] }, { stalls: 0 });
        return undefined;
      }
      case "checkpointRemoved":
        return history.removeCheckpoint(job.id, event.step);
      case "trial": {
        const { trial } = event;
        const before = await history.findTrial(job.id, trial.number);
        await history.putTrial(job.id, { number: trial.number, trial: JSON.stringify(trial) });
        if (isFurther(trial, before === null ? null : (JSON.parse(before) as Trial)))
          await jobs.change(job.id, { from: [job.status] }, { stalls: 0 });
        return undefined;
      }
      case "resolved": {
        const method = JSON.parse(job.method) as TrainingMethod;
        const hyperparameters = { ...event.method.hyperparameters, ...withoutAuto(method.hyperparameters) };
        const resolved = JSON.stringify({ ...method, ...event.method, hyperparameters });
        await jobs.change(job.id, { from: [job.status] }, { method: resolved });
        return undefined;
      }
    }
  }

  /** Relative to the data folder, so that this can be moved. */
  #inside(folder: string): string {
    const path = relative(this.#options.dataDir, folder);
    if (path.startsWith("..") || isAbsolute(path)) throw new Error(`internal: ${folder} is outside of the data folder`);
    return path;
  }
}

/** What was given, which stays as it is. */
function withoutAuto(hyperparameters: Hyperparameters): Hyperparameters {
  return Object.fromEntries(Object.entries(hyperparameters).filter(([, value]) => value !== "auto"));
}

/** As OpenAI words it. */
function stepMessage({ step, totalSteps, metrics }: Extract<RunnerEvent, { type: "metrics" }>): string {
  const shown = Object.entries<number | null | undefined>(metrics).map(
    ([name, value]) => `${wordsOf(name)}=${shownNumber(value)}`,
  );
  return `Step ${step}${totalSteps === undefined ? "" : `/${totalSteps}`}: ${shown.join(", ")}`;
}

const wordsOf = (name: string) =>
  name
    .replace(/^train_/, "training ")
    .replace(/^valid_/, "validation ")
    .replaceAll("_", " ");
