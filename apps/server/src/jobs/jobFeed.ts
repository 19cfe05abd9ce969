/** @file Those who watch jobs, and what they are told: that something new is in the store, or how far a job has come. */
import type { RunnerEvent } from "./jobRunner.ts";

export type JobProgress = Extract<RunnerEvent, { readonly type: "progress" }>;
export type JobNotice =
  /** Events or the job's state have changed in the store. */
  | { readonly kind: "stored" }
  | { readonly kind: "progress"; readonly progress: JobProgress }
  /** The server stops. */
  | { readonly kind: "closed" };

type Listener = (notice: JobNotice) => void;

export class JobFeed {
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #progress = new Map<string, JobProgress>();

  /** @returns how to leave */
  watch(jobId: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(jobId) ?? new Set();
    this.#listeners.set(jobId, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(jobId);
    };
  }

  publish(jobId: string, notice: JobNotice): void {
    if (notice.kind === "progress") this.#progress.set(jobId, notice.progress);
    for (const listener of this.#listeners.get(jobId) ?? []) listener(notice);
  }

  /** Where a running job was when it last told. */
  progressOf(jobId: string): JobProgress | null {
    return this.#progress.get(jobId) ?? null;
  }

  /** It runs no longer. */
  forget(jobId: string): void {
    this.#progress.delete(jobId);
  }

  close(): void {
    for (const jobId of this.#listeners.keys()) this.publish(jobId, { kind: "closed" });
  }
}
