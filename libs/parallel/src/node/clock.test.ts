import { afterEach, describe, expect, test, vi } from "vitest";
import { unixNow } from "./clock.ts";

const HOUR_MS = 3_600_000;

/** Its time is between two of another clock's, but for the slack that it has. */
function expectBetween(clock: () => number): void {
  const slack = 3;
  const before = clock();
  const given = unixNow();
  expect(given).toBeGreaterThan(before - slack);
  expect(given).toBeLessThan(clock() + slack);
}

describe("unixNow()", () => {
  afterEach(() => vi.restoreAllMocks());

  test("is the wall's time, with fractions, and goes on between two of its milliseconds", () => {
    const before = Date.now();
    const times = Array.from({ length: 1000 }, unixNow);
    expect(times[0]!).toBeGreaterThanOrEqual(before - 2);
    expect(times.at(-1)!).toBeLessThanOrEqual(Date.now() + 3);
    expect(times.some((time) => !Number.isInteger(time))).toBe(true);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  test.each([HOUR_MS, -HOUR_MS])("follows a clock that is set, by %i ms, and back", (by) => {
    const wall = vi.spyOn(Date, "now");
    wall.mockImplementation(() => performance.timeOrigin + performance.now() + by);
    expectBetween(() => performance.timeOrigin + performance.now() + by);
    wall.mockRestore();
    expectBetween(Date.now);
  });
});
