/**
 * Expected values: libs/training/fixtures/learning-rates.json, written by tools/oracles/task_losses.py (transformers 5.23,
 * torch 2.15).
 */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ScheduleError } from "../errors.ts";
import { countWarmupSteps, learningRateAt, type LearningRateSchedule } from "./learningRate.ts";

type Case = { readonly schedule: LearningRateSchedule; readonly rates: readonly number[] };

const { cases } = JSON.parse(readFileSync(new URL("../../fixtures/learning-rates.json", import.meta.url), "utf8")) as {
  cases: Case[];
};

const linear: LearningRateSchedule = { shape: "linear", peak: 1e-3, totalSteps: 10, warmupSteps: 2 };

describe("learningRateAt()", () => {
  test.each(cases)(
    "matches transformers: $schedule.shape, $schedule.warmupSteps of $schedule.totalSteps steps warm-up",
    ({ schedule, rates }) => {
      for (const [step, rate] of rates.entries()) {
        expect(Math.abs(learningRateAt(schedule, step) - rate)).toBeLessThanOrEqual(1e-15 * schedule.peak);
      }
    },
  );

  test("starts at 0 with a warm-up and at the peak without", () => {
    expect([learningRateAt(linear, 0), learningRateAt({ ...linear, warmupSteps: 0 }, 0)]).toEqual([0, 1e-3]);
  });

  test.each([
    [{ peak: -1 }, "expected a number of at least 0, got -1"],
    [{ peak: NaN }, "expected a number of at least 0, got NaN"],
    [{ warmupSteps: 1.5 }, "expected a whole number of warm-up steps of at least 0, got 1.5"],
    [{ totalSteps: -3 }, "expected a whole number of steps of at least 0, got -3"],
    [{ shape: "polynomial", end: 1 }, "expected polynomial decay to end from 0 to below 0.001, got 1"],
  ] as const)("rejects %o", (change, message) => {
    const call = () => learningRateAt({ ...linear, ...change }, 0);
    expect(call).toThrow(ScheduleError);
    expect(call).toThrow(message);
  });

  const golden = new URL("../../../../../shared/golden/lr-schedules.json", import.meta.url);
  const isThere = existsSync(golden);
  test.skipIf(!isThere)(
    `agrees with ../shared/golden/lr-schedules.json${isThere ? "" : " (skipped: there is no ../shared)"}`,
    () => {
      const all = Object.entries(JSON.parse(readFileSync(golden, "utf8"))) as [
        "linear" | "cosine",
        { warmup: number; steps: number; lr: number[] },
      ][];
      for (const [shape, { warmup, steps, lr }] of all) {
        const schedule = { shape, peak: 1, totalSteps: steps, warmupSteps: warmup };
        for (const [step, rate] of lr.entries()) expect(learningRateAt(schedule, step)).toBeCloseTo(rate, 15);
      }
    },
  );
});

describe("countWarmupSteps()", () => {
  test("rounds a ratio up, and prefers a number of steps", () => {
    expect(countWarmupSteps({ ratio: 0.1 }, 101)).toBe(11);
    expect(countWarmupSteps({ ratio: 0.1, steps: 5 }, 101)).toBe(5);
    expect(countWarmupSteps({}, 101)).toBe(0);
  });

  test("rejects a ratio above 1", () => {
    expect(() => countWarmupSteps({ ratio: 100 }, 10)).toThrow("expected a warm-up ratio from 0 to 1, got 100");
  });
});
