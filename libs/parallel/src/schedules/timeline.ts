/**
 * @file What every stage did in one step and when: the common form of simulated and of measured steps, and the figures read from it.
 *
 * Nothing here knows a schedule or a formula; a share of idle time comes from the intervals in which stages were busy.
 */
import { ScheduleError } from "../errors.ts";
import type { Transfer } from "./executeSchedule.ts";

/** Seconds since any one moment that is the same for all stages. */
export type Span = { readonly startSeconds: number; readonly endSeconds: number };

/** Time in which a stage computed. */
export type Interval = Span & {
  readonly kind: "forward" | "backward" | "update";
  /** Null for the update. */
  readonly microBatch: number | null;
};

export type Timeline = {
  readonly name: string;
  /** Per stage. */
  readonly stages: readonly (readonly Interval[])[];
  /** Frames on the links; empty where nobody measured them. */
  readonly transfers: readonly Transfer[];
};

export type TimelineFacts = {
  /** From the first start to the last end of any stage. */
  readonly makespanSeconds: number;
  /** Per stage. */
  readonly busySeconds: readonly number[];
  readonly bubbleShare: number;
  /** Per stage: the most micro-batches at one time between the start of their forward and the end of their backward pass. */
  readonly activations: readonly number[];
};

/** @throws ScheduleError when there is no interval, or all have no length */
export function timelineFacts({ stages }: Timeline): TimelineFacts {
  const window = spanOf(stages.flat());
  return {
    makespanSeconds: window.endSeconds - window.startSeconds,
    busySeconds: stages.map((intervals) => busySeconds(intervals, window)),
    bubbleShare: bubbleShare(stages, window),
    activations: stages.map(peakActivations),
  };
}

/** From the first start to the last end. */
export function spanOf(spans: readonly Span[]): Span {
  return {
    startSeconds: spans.reduce((least, { startSeconds }) => Math.min(least, startSeconds), Infinity),
    endSeconds: spans.reduce((most, { endSeconds }) => Math.max(most, endSeconds), -Infinity),
  };
}

/** Time inside the window that at least one interval covers; overlapping ones count once. Any order. */
export function busySeconds(intervals: readonly Span[], window: Span): number {
  let covered = window.startSeconds;
  let total = 0;
  for (const { startSeconds, endSeconds } of intervals.toSorted((a, b) => a.startSeconds - b.startSeconds)) {
    const end = Math.min(endSeconds, window.endSeconds);
    if (end <= covered) continue;
    total += end - Math.max(startSeconds, covered);
    covered = end;
  }
  return total;
}

/**
 * `1 - sum(busy) / (p * window)`: share of the step that p stages spent waiting.
 *
 * @param stages - per stage, when it was busy
 * @param window - the step
 * @throws ScheduleError when the window has no length, or there is no stage
 */
export function bubbleShare(stages: readonly (readonly Span[])[], window: Span): number {
  if (stages.length === 0) throw new ScheduleError("bubbleShare: expected at least one stage, got none");
  const busy = stages.reduce((total, intervals) => total + busySeconds(intervals, window), 0);
  return 1 - busy / (stages.length * lengthOf(window));
}

function lengthOf({ startSeconds, endSeconds }: Span): number {
  const length = endSeconds - startSeconds;
  if (length > 0 && length < Infinity) return length;
  throw new ScheduleError(
    `timeline: expected a step that ends after it starts, got ${startSeconds} s to ${endSeconds} s`,
  );
}

function peakActivations(intervals: readonly Interval[]): number {
  const events = intervals.flatMap(({ kind, startSeconds, endSeconds }) => {
    if (kind === "update") return [];
    return [kind === "forward" ? { at: startSeconds, change: 1 } : { at: endSeconds, change: -1 }];
  });
  // What ends at a moment makes room for what starts at it.
  events.sort((a, b) => a.at - b.at || a.change - b.change);
  let held = 0;
  let peak = 0;
  for (const { change } of events) {
    held += change;
    peak = Math.max(peak, held);
  }
  return peak;
}
