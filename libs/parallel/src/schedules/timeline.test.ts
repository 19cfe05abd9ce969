import { describe, expect, test } from "vitest";
import { ScheduleError } from "../errors.ts";
import { bubbleShare, busySeconds, timelineFacts, type Interval } from "./timeline.ts";

const span = (startSeconds: number, endSeconds: number) => ({ startSeconds, endSeconds });
const pass = (
  kind: "forward" | "backward",
  microBatch: number,
  [startSeconds, endSeconds]: [number, number],
): Interval => ({
  kind,
  microBatch,
  startSeconds,
  endSeconds,
});

describe("busySeconds()", () => {
  test("adds up separate intervals in any order", () => {
    expect(busySeconds([span(5, 7), span(0, 1)], span(0, 10))).toBe(3);
  });

  test("counts overlapping and nested intervals once", () => {
    expect(busySeconds([span(0, 4), span(1, 2), span(3, 6), span(6, 7)], span(0, 10))).toBe(7);
  });

  test("counts only what is inside the window", () => {
    expect(busySeconds([span(-3, 1), span(4, 5), span(9, 20), span(30, 40)], span(0, 10))).toBe(3);
    expect(busySeconds([span(-3, -1)], span(0, 10))).toBe(0);
  });
});

describe("bubbleShare()", () => {
  test("is 1 - sum of busy times over stages times window", () => {
    // 6 + 4 of 2 * 8 seconds.
    expect(bubbleShare([[span(0, 6)], [span(2, 4), span(6, 8)]], span(0, 8))).toBeCloseTo(1 - 10 / 16, 12);
  });

  test("a stage that did nothing counts as idle", () => {
    expect(bubbleShare([[span(0, 8)], []], span(0, 8))).toBe(0.5);
  });

  test("refuses no stages", () => {
    expect(() => bubbleShare([], span(0, 1))).toThrow("expected at least one stage");
  });

  test("refuses a window without length", () => {
    expect(() => bubbleShare([[]], span(3, 3))).toThrow(ScheduleError);
  });
});

describe("timelineFacts()", () => {
  test("reads makespan, busy times, bubble and activations off intervals that begin at any time", () => {
    const facts = timelineFacts({
      name: "measured",
      stages: [
        [
          pass("forward", 0, [100, 101]),
          pass("forward", 1, [101, 102]),
          pass("backward", 0, [105, 107]),
          pass("backward", 1, [108, 110]),
        ],
        [
          pass("forward", 0, [101, 102]),
          pass("backward", 0, [102, 104]),
          pass("forward", 1, [104, 105]),
          pass("backward", 1, [105, 107]),
        ],
      ],
      transfers: [],
    });
    expect(facts).toEqual({
      makespanSeconds: 10,
      busySeconds: [6, 6],
      bubbleShare: expect.closeTo(0.4, 12),
      activations: [2, 1],
    });
  });

  test("refuses a timeline without intervals", () => {
    expect(() => timelineFacts({ name: "none", stages: [[]], transfers: [] })).toThrow(ScheduleError);
  });
});
