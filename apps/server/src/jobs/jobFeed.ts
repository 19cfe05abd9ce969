/** @file Those who watch jobs, and what they are told: that something new is in the store, or how far a job has come. */
import type { RunnerEvent } from "./jobRunner.ts";
import type { MeasuredStep } from "./measuredStep.ts";

export type JobProgress = Extract<RunnerEvent, { readonly type: "progress" }>;
export type JobNotice =
  /** Events or the job's state have changed in the store. */
  | { readonly kind: "stored" }
  | { readonly kind: "progress"; readonly progress: JobProgress }
  /** The server stops. */
  | { readonly kind: "closed" };

/** Jobs of which the last measured step is remembered. */
const REMEMBERED_STEPS = 100;

type Listener = (notice: JobNotice) => void;

export class JobFeed {
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #progress = new Map<string, JobProgress>();
  readonly #steps = new Map<string, MeasuredStep>();

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

  rememberStep(jobId: string, measured: MeasuredStep): void {
    // At the end of the map: the job that was heard of longest ago is forgotten first.
    this.#steps.delete(jobId);
    this.#steps.set(jobId, measured);
    if (this.#steps.size > REMEMBERED_STEPS) this.#steps.delete(this.#steps.keys().next().value!);
  }

  /** The last step of a job that was measured, also after its end; null when none was since this server has started. */
  stepOf(jobId: string): MeasuredStep | null {
    return this.#steps.get(jobId) ?? null;
  }

  /** It runs no longer. */
  forget(jobId: string): void {
    this.#progress.delete(jobId);
  }

  close(): void {
    for (const jobId of this.#listeners.keys()) this.publish(jobId, { kind: "closed" });
  }
}
