/**
 * @file Timelines as text: one row per stage, one column per slice of time.
 *
 * `F3-` is the forward pass of micro-batch 3, `B3==` its backward pass, `U##` the update, a blank is idle time. A pass too short for its
 * label shows only its filling.
 */
import { spanOf, timelineFacts, type Interval, type Timeline } from "./timeline.ts";

export type AsciiOptions = {
  /** Columns for the time of the longest timeline. Default: as many as the labels need, at most 120. */
  readonly columns?: number;
};

const MOST_COLUMNS = 120;

const look = {
  forward: { letter: "F", filling: "-" },
  backward: { letter: "B", filling: "=" },
  update: { letter: "U", filling: "#" },
} as const;

/**
 * Several timelines stand one under another, on one scale, so that a measured step can be read beside its plan.
 * @throws ScheduleError when a timeline has no length
 */
export function scheduleAscii(timelines: readonly Timeline[], options: AsciiOptions = {}): string {
  const columns = options.columns ?? columnsFor(timelines);
  const longest = Math.max(...timelines.map((timeline) => timelineFacts(timeline).makespanSeconds));
  return timelines.map((timeline) => picture(timeline, columns / longest)).join("\n");
}

function picture(timeline: Timeline, columnsPerSecond: number): string {
  const { startSeconds, endSeconds } = spanOf(timeline.stages.flat());
  const width = Math.max(1, Math.round((endSeconds - startSeconds) * columnsPerSecond));
  const labelWidth = `stage ${timeline.stages.length - 1}`.length;
  const rows = timeline.stages.map((intervals, stage) => {
    let cells = " ".repeat(width);
    for (const interval of intervals) {
      const columnOf = (seconds: number) => Math.round((seconds - startSeconds) * columnsPerSecond);
      if (interval.endSeconds === interval.startSeconds) continue;
      const start = Math.min(columnOf(interval.startSeconds), width - 1);
      const text = textOf(interval, Math.max(1, columnOf(interval.endSeconds) - start));
      cells = cells.slice(0, start) + text + cells.slice(start + text.length);
    }
    return `${`stage ${stage}`.padEnd(labelWidth)} |${cells}|`;
  });
  return `${[headline(timeline), ...rows].join("\n")}\n`;
}

/** `1f1b: 33 ms, bubble 27.3 %, activations held 4 3 2 1`. */
export function headline(timeline: Timeline): string {
  const { makespanSeconds, bubbleShare, activations } = timelineFacts(timeline);
  const bubble = Math.max(0, bubbleShare * 100).toFixed(1);
  return `${timeline.name}: ${inMs(makespanSeconds)} ms, bubble ${bubble} %, activations held ${activations.join(" ")}`;
}

/** Milliseconds to four digits. */
export function inMs(seconds: number): string {
  return String(Number((seconds * 1000).toPrecision(4)));
}

function textOf({ kind, microBatch }: Interval, width: number): string {
  const { letter, filling } = look[kind];
  const label = `${letter}${microBatch ?? ""}`;
  return label.length <= width ? label.padEnd(width, filling) : filling.repeat(width);
}

/** The shortest pass is to have room for the longest label and one column more. */
function columnsFor(timelines: readonly Timeline[]): number {
  const passes = timelines.flatMap(({ stages }) => stages.flat()).filter(({ kind }) => kind !== "update");
  const lengths = passes
    .map(({ startSeconds, endSeconds }) => endSeconds - startSeconds)
    .filter((length) => length > 0);
  const shortest = lengths.reduce((least, length) => Math.min(least, length), Infinity);
  const label = 1 + String(passes.reduce((most, { microBatch }) => Math.max(most, microBatch ?? 0), 0)).length;
  const longest = Math.max(...timelines.map((timeline) => timelineFacts(timeline).makespanSeconds));
  return Math.max(1, Math.min(MOST_COLUMNS, Math.round((longest / shortest) * (label + 1))));
}
