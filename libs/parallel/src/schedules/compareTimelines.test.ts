import { describe, expect, test } from "vitest";
import { ScheduleError } from "../errors.ts";
import { compareTimelines } from "./compareTimelines.ts";
import { pipelineSchedule } from "./pipelineSchedule.ts";
import { simulateSchedule } from "./simulateSchedule.ts";
import type { Timeline } from "./timeline.ts";

const schedule = pipelineSchedule("gpipe", { numStages: 2, numMicroBatches: 2 });
const timelineFor = (forward: number) =>
  simulateSchedule(schedule, { forwardSeconds: [forward, forward], backwardSeconds: [2, 2] }).timeline;

const later = ({ stages, ...rest }: Timeline, seconds: number): Timeline => ({
  ...rest,
  stages: stages.map((intervals) =>
    intervals.map((each) => ({
      ...each,
      startSeconds: each.startSeconds + seconds,
      endSeconds: each.endSeconds + seconds,
    })),
  ),
});

describe("compareTimelines()", () => {
  test("clocks that begin elsewhere do not matter", () => {
    const { makespanSeconds, bubbleShare, firstDifference } = compareTimelines(
      timelineFor(1),
      later(timelineFor(1), 64),
    );
    expect([makespanSeconds.ratio, firstDifference]).toEqual([1, null]);
    expect(bubbleShare.measured).toBeCloseTo(bubbleShare.predicted, 12);
  });

  test("says what took longer than predicted, and where the time went", () => {
    // (m + p - 1)(F + B): 3 * (1 + 2) = 9 predicted, 3 * (1.5 + 2) = 10.5 measured; idle (p - 1)(F + B).
    const { makespanSeconds, stages } = compareTimelines(timelineFor(1), timelineFor(1.5));
    expect(makespanSeconds).toEqual({ predicted: 9, measured: 10.5, ratio: 10.5 / 9 });
    for (const stage of stages) {
      expect(stage).toEqual({
        forwardSeconds: { predicted: 2, measured: 3, ratio: 1.5 },
        backwardSeconds: { predicted: 4, measured: 4, ratio: 1 },
        updateSeconds: { predicted: 0, measured: 0, ratio: null },
        idleSeconds: { predicted: 3, measured: 3.5, ratio: 3.5 / 3 },
      });
    }
  });

  test("points at the first pass that is not the predicted one", () => {
    const other = pipelineSchedule("1f1b", { numStages: 2, numMicroBatches: 2 });
    const measured = simulateSchedule(other, { forwardSeconds: [1, 1], backwardSeconds: [2, 2] }).timeline;
    // Stage 0 does F0 F1 B0 B1 in both; stage 1 does F0 B0 instead of F0 F1.
    expect(compareTimelines(timelineFor(1), measured).firstDifference).toEqual({ stage: 1, position: 1 });
  });

  test("refuses another number of stages", () => {
    const { stages, ...rest } = timelineFor(1);
    expect(() => compareTimelines(timelineFor(1), { ...rest, stages: stages.slice(1) })).toThrow(ScheduleError);
  });
});
