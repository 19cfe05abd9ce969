/**
 * @file Timelines in Chrome's trace event format, for Perfetto (ui.perfetto.dev) or chrome://tracing.
 *
 * One process per timeline (planned, measured), one thread per stage. Frames are asynchronous events, because several may be on a link.
 */
import type { Interval, Timeline } from "./timeline.ts";

/** Times in microseconds. */
export type TraceEvent = {
  readonly ph: "M" | "X" | "b" | "e";
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts?: number;
  readonly dur?: number;
  readonly cat?: string;
  readonly id?: string;
  readonly args?: Readonly<Record<string, string | number>>;
};

export type TimelineTrace = { readonly displayTimeUnit: "ms"; readonly traceEvents: readonly TraceEvent[] };

export function timelineTrace(timelines: readonly Timeline[]): TimelineTrace {
  return { displayTimeUnit: "ms", traceEvents: timelines.flatMap(eventsOf) };
}

function eventsOf({ name, stages, transfers }: Timeline, pid: number): TraceEvent[] {
  const names: TraceEvent[] = [{ ph: "M", name: "process_name", pid, tid: 0, args: { name } }];
  for (const tid of stages.keys())
    names.push({ ph: "M", name: "thread_name", pid, tid, args: { name: `stage ${tid}` } });
  const passes = stages.flatMap((intervals, tid) =>
    intervals.map((interval): TraceEvent => ({
      ph: "X",
      name: nameOf(interval),
      cat: interval.kind,
      pid,
      tid,
      ts: micros(interval.startSeconds),
      dur: micros(interval.endSeconds - interval.startSeconds),
    })),
  );
  const frames = transfers.flatMap(({ direction, link, microBatch, startSeconds, endSeconds }): TraceEvent[] => {
    const tid = direction === "forward" ? link : link + 1;
    const event = {
      name: `link ${link} ${direction} ${microBatch}`,
      cat: "link",
      id: `${pid}.${link}.${direction}.${microBatch}`,
      pid,
      tid,
    };
    return [
      { ph: "b", ...event, ts: micros(startSeconds) },
      { ph: "e", ...event, ts: micros(endSeconds) },
    ];
  });
  return [...names, ...passes, ...frames];
}

function nameOf({ kind, microBatch }: Interval): string {
  return microBatch === null ? kind : `${kind} ${microBatch}`;
}

/** To a nanosecond. */
function micros(seconds: number): number {
  return Math.round(seconds * 1e9) / 1e3;
}
