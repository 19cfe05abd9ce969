import { describe, expect, test } from "vitest";
import { compareStep, type MeasuredStep, type StageInterval } from "./measuredStep.ts";

type Row = readonly [StageInterval["kind"], number | null, number, number];
const stage = (rows: readonly Row[]): StageInterval[] =>
  rows.map(([kind, microBatch, startMs, endMs]) => ({ kind, microBatch, startMs, endMs }));

/** GPipe of two stages and two micro-batches, by hand: forward passes of 10 ms, backward ones of 20, a link that takes 5. */
const gpipe: MeasuredStep = {
  step: 7,
  schedule: "gpipe",
  stages: [
    stage([
      ["forward", 0, 100, 110],
      ["forward", 1, 110, 120],
      ["backward", 0, 160, 180],
      ["backward", 1, 180, 200],
      ["update", null, 210, 214],
    ]),
    stage([
      ["forward", 0, 115, 125],
      ["forward", 1, 125, 135],
      ["backward", 0, 135, 155],
      ["backward", 1, 155, 175],
      ["update", null, 210, 212],
    ]),
  ],
};

describe("compareStep()", () => {
  test("the measured share of waiting is what the passes leave of the time from the first to the last", () => {
    const { measured, numMicroBatches, step, schedule } = compareStep(gpipe);
    expect({ numMicroBatches, step, schedule }).toEqual({ numMicroBatches: 2, step: 7, schedule: "gpipe" });
    // 100 ms, in which each of the two stages works for 60.
    expect(measured.passesMs).toBeCloseTo(100, 9);
    expect(measured.bubbleShare).toBeCloseTo(0.4, 12);
  });

  test("the ideal share is (p - 1) / (m + p - 1), and its passes take m + p - 1 forward and backward ones (GPipe, section 2.3)", () => {
    const { ideal } = compareStep(gpipe);
    expect(ideal.bubbleShare).toBeCloseTo(1 / 3, 12);
    expect(ideal.passesMs).toBeCloseTo(3 * 30, 9);
  });

  test("the ideal takes each stage's mean, and has as many passes and one update", () => {
    const { ideal } = compareStep(gpipe);
    const lengths = ideal.stages.map((intervals) =>
      intervals.map(({ kind, startMs, endMs }) => [kind, Math.round(1e6 * (endMs - startMs)) / 1e6]),
    );
    const passes = [
      ["forward", 10],
      ["forward", 10],
      ["backward", 20],
      ["backward", 20],
    ];
    expect(lengths).toEqual([
      [...passes, ["update", 4]],
      [...passes, ["update", 2]],
    ]);
  });

  test("both begin at the start of the first pass", () => {
    const { measured, ideal } = compareStep(gpipe);
    for (const { stages } of [measured, ideal]) expect(stages[0]![0]!.startMs).toBe(0);
    expect(measured.stages[1]!.at(-1)).toEqual({ kind: "update", microBatch: null, startMs: 110, endMs: 112 });
  });
});
