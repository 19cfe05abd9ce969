import { describe, expect, test } from "vitest";
import { alignSeries, thinSeries } from "./thinSeries.ts";

const range = (length: number) => Array.from({ length }, (_, step) => step);

describe("thinSeries()", () => {
  const steps = range(100_000);
  const spiky = {
    steps,
    values: steps.map((step) => (step === 54_321 ? 1000 : step === 12_345 ? -1000 : Math.sin(step / 500))),
  };

  test("leaves a short series as it is", () => {
    const short = { steps: range(10), values: range(10) };
    expect(thinSeries(short, 10)).toBe(short);
  });

  test("gives at most so many points, in the order of their steps", () => {
    const thin = thinSeries(spiky, 500);
    expect(thin.steps.length).toBeLessThanOrEqual(500);
    expect(thin.values).toHaveLength(thin.steps.length);
    expect(thin.steps).toEqual(thin.steps.toSorted((a, b) => a - b));
    expect(new Set(thin.steps).size).toBe(thin.steps.length);
  });

  test("keeps the first and the last point, and every peak, at its step", () => {
    const thin = thinSeries(spiky, 500);
    expect([thin.steps[0], thin.steps.at(-1)]).toEqual([0, 99_999]);
    expect(thin.steps[thin.values.indexOf(1000)]).toBe(54_321);
    expect(thin.steps[thin.values.indexOf(-1000)]).toBe(12_345);
  });
});

describe("alignSeries()", () => {
  test("puts series over all of their steps, with nothing where one has no value", () => {
    const aligned = alignSeries([
      { steps: [1, 2, 4], values: [9, 8, 7] },
      { steps: [2, 3], values: [5, 6] },
    ]);
    expect(aligned).toEqual([
      [1, 2, 3, 4],
      [9, 8, null, 7],
      [null, 5, 6, null],
    ]);
  });
});
