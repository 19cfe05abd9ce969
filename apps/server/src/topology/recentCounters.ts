/**
 * @file What a stage did with its time in the last seconds, from the counters that its worker sends with each heartbeat.
 *
 * A worker's busy and waiting seconds add up to the time between its heartbeats (stageWorker.ts), so no clock of ours is needed.
 */
import type { WorkerCounters } from "@stagecoach/parallel";

/** Heartbeats that are looked back at; one comes each second. */
export const RECENT_HEARTBEATS = 5;

export type RecentWork = {
  /** Shares of the time, together 1. */
  readonly busy: number;
  /** Results waited to be taken by the next stage while the engine had nothing to do. */
  readonly sending: number;
  /** The engine had nothing to do. */
  readonly waiting: number;
  /** Per second, as the others. */
  readonly microBatches: number;
  readonly tokens: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
};

export class RecentCounters {
  #growths: WorkerCounters[] = [];

  /** Resident memory by the last heartbeat, in bytes; null before the first. */
  get residentBytes(): number | null {
    return this.#growths.at(-1)?.residentBytes ?? null;
  }

  /** @param growth - of a worker's counters since its last heartbeat */
  add(growth: WorkerCounters): void {
    this.#growths = [...this.#growths, growth].slice(-RECENT_HEARTBEATS);
  }

  /** Another worker takes the place. */
  clear(): void {
    this.#growths = [];
  }

  /** @returns null while no time is known of */
  work(): RecentWork | null {
    const sum = (key: keyof WorkerCounters) => this.#growths.reduce((total, growth) => total + growth[key], 0);
    const busySeconds = sum("busySeconds");
    const seconds = busySeconds + sum("waitingSeconds");
    if (seconds <= 0) return null;
    const busy = busySeconds / seconds;
    // Several results may wait at a time, and while the engine computes: no more than the time in which it did not.
    const sending = Math.min(sum("sendingSeconds") / seconds, 1 - busy);
    const perSecond = (key: keyof WorkerCounters) => sum(key) / seconds;
    return {
      busy,
      sending,
      waiting: Math.max(0, 1 - busy - sending),
      microBatches: perSecond("microBatches"),
      tokens: perSecond("tokens"),
      bytesSent: perSecond("bytesSent"),
      bytesReceived: perSecond("bytesReceived"),
    };
  }
}
