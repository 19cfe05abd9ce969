/** @file A predicted step beside the one that ran. */
import { ScheduleError } from "../errors.ts";
import { busySeconds, spanOf, timelineFacts, type Interval, type Span, type Timeline } from "./timeline.ts";

export type Compared = {
  readonly predicted: number;
  readonly measured: number;
  /** Measured over predicted; null when zero was predicted. */
  readonly ratio: number | null;
};

export type TimelineComparison = {
  readonly makespanSeconds: Compared;
  readonly bubbleShare: Compared;
  /** Per stage: seconds of all its passes together, and seconds without any. */
  readonly stages: readonly {
    readonly forwardSeconds: Compared;
    readonly backwardSeconds: Compared;
    readonly updateSeconds: Compared;
    readonly idleSeconds: Compared;
  }[];
  /** The first interval of a stage that is of another pass than predicted; null when all stages did what was predicted, in order. */
  readonly firstDifference: { readonly stage: number; readonly position: number } | null;
};

/** @throws ScheduleError when the timelines have different numbers of stages, or one has no length */
export function compareTimelines(predicted: Timeline, measured: Timeline): TimelineComparison {
  if (predicted.stages.length !== measured.stages.length) {
    throw new ScheduleError(
      `compareTimelines: expected ${predicted.stages.length} measured stages, as predicted, got ${measured.stages.length}`,
    );
  }
  const [facts, found] = [timelineFacts(predicted), timelineFacts(measured)];
  const [window, foundWindow] = [spanOf(predicted.stages.flat()), spanOf(measured.stages.flat())];
  return {
    makespanSeconds: compared(facts.makespanSeconds, found.makespanSeconds),
    bubbleShare: compared(facts.bubbleShare, found.bubbleShare),
    stages: predicted.stages.map((intervals, stage) => {
      const total = (kind: Interval["kind"]) =>
        compared(secondsIn(kind, intervals, window), secondsIn(kind, measured.stages[stage]!, foundWindow));
      return {
        forwardSeconds: total("forward"),
        backwardSeconds: total("backward"),
        updateSeconds: total("update"),
        idleSeconds: compared(
          facts.makespanSeconds - facts.busySeconds[stage]!,
          found.makespanSeconds - found.busySeconds[stage]!,
        ),
      };
    }),
    firstDifference: firstDifference(predicted, measured),
  };
}

function compared(predicted: number, measured: number): Compared {
  return { predicted, measured, ratio: predicted === 0 ? null : measured / predicted };
}

function secondsIn(kind: Interval["kind"], intervals: readonly Interval[], window: Span): number {
  return busySeconds(
    intervals.filter((each) => each.kind === kind),
    window,
  );
}

function firstDifference(predicted: Timeline, measured: Timeline): { stage: number; position: number } | null {
  for (const [stage, intervals] of predicted.stages.entries()) {
    const [expected, found] = [namesOf(intervals), namesOf(measured.stages[stage]!)];
    for (let position = 0; position < Math.max(expected.length, found.length); position++) {
      if (expected[position] !== found[position]) return { stage, position };
    }
  }
  return null;
}

function namesOf(intervals: readonly Interval[]): string[] {
  return intervals
    .toSorted((a, b) => a.startSeconds - b.startSeconds || a.endSeconds - b.endSeconds)
    .map(({ kind, microBatch }) => `${kind} ${microBatch}`);
}
