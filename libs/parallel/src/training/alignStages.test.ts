import { describe, expect, test } from "vitest";
import { heardLater, type MeasuredStage } from "./alignStages.ts";

const pass = (kind: "forward" | "backward", microBatch: number, [startMs, endMs]: readonly [number, number]) => ({
  kind,
  microBatch,
  startMs,
  endMs,
});

/**
 * By one clock, stage 0 is told at 100, goes forward until 110 and 120, and backward from 150 and 160; stage 1 is told at 108, has the first
 * micro-batch from 112 to 140 and the second from 140 to 158.
 */
const told = 108;
const stages = ({ clockAhead = 0 } = {}): MeasuredStage[] => [
  {
    heardAt: 100,
    intervals: [
      pass("forward", 0, [0, 10]),
      pass("forward", 1, [10, 20]),
      pass("backward", 0, [50, 60]),
      pass("backward", 1, [60, 75]),
    ],
  },
  {
    heardAt: told + clockAhead,
    intervals: [
      pass("forward", 0, [112 - told, 125 - told]),
      pass("backward", 0, [125 - told, 140 - told]),
      pass("forward", 1, [140 - told, 150 - told]),
      pass("backward", 1, [150 - told, 158 - told]),
    ],
  },
];

describe("heardLater()", () => {
  test("goes by the clock that stages of one machine share", () => {
    expect(heardLater(stages())).toEqual([0, 8]);
  });

  test("counts from the stage that heard first", () => {
    const [first, second] = stages();
    const late = first!.intervals.map((each) => ({ ...each, startMs: each.startMs - 15, endMs: each.endMs - 15 }));
    expect(heardLater([{ heardAt: 115, intervals: late }, second!])).toEqual([7, 0]);
  });

  test.each([
    // The second micro-batch went back at 160 and is done at 158: two milliseconds are left.
    [1000, 10],
    // The first one was there at 110 and is begun at 112.
    [-1000, 6],
  ])("of a clock that is %d ms ahead, as far as the links allow", (clockAhead, later) => {
    expect(heardLater(stages({ clockAhead }))).toEqual([0, later]);
  });

  test("moves a stage with the one before it", () => {
    const [first, second] = stages({ clockAhead: 1000 });
    const third = { heardAt: second!.heardAt + 3, intervals: [pass("forward", 0, [200, 201])] };
    expect(heardLater([first!, second!, third])).toEqual([0, 10, 13]);
  });
});
