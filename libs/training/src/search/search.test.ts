import { describe, expect, test } from "vitest";
import { gridPoints, gridSize, randomPoints } from "./searchSpace.ts";
import { halvingRounds } from "./successiveHalving.ts";

const none = () => false;

describe("a space of hyper-parameters", () => {
  const lists = { learning_rate: [1e-5, 3e-5], batch_size: [8, 16, 32] };
  const ranges = { ...lists, dropout: { min: 0, max: 0.5, scale: "linear" as const } };

  test("as a grid: every combination once, the last name changing fastest", () => {
    expect(gridPoints(lists).map(Object.values)).toEqual([
      [1e-5, 8],
      [1e-5, 16],
      [1e-5, 32],
      [3e-5, 8],
      [3e-5, 16],
      [3e-5, 32],
    ]);
    expect([gridSize(lists), gridSize(ranges)]).toEqual([6, null]);
    expect(() => gridPoints(ranges)).toThrow(/dropout: expected a list/);
  });

  test("at random: the seed's points, the first ones whatever their number", () => {
    const of = (seed: number, count: number) => randomPoints(ranges, { seed, count, isWhole: none });
    expect(of(1, 20)).toHaveLength(20);
    expect(of(1, 5)).toEqual(of(1, 20).slice(0, 5));
    expect(of(2, 5)).not.toEqual(of(1, 5));
  });

  test("at random: no point twice, and all of a space that is smaller", () => {
    const points = randomPoints(lists, { seed: 3, count: 100, isWhole: none });
    const sorted = (all: readonly object[]) => all.map((each) => JSON.stringify(each)).toSorted();
    expect(sorted(points)).toEqual(sorted(gridPoints(lists)));
    const whole = { n_epochs: { min: 1, max: 3, scale: "linear" as const } };
    const drawn = randomPoints(whole, { seed: 3, count: 100, isWhole: () => true });
    expect(drawn.map(({ n_epochs: epochs }) => Number(epochs)).toSorted((a, b) => a - b)).toEqual([1, 2, 3]);
  });

  test("narrow ranges have as many values as wide ones", () => {
    const range = (min: number, max: number) => ({ min, max, scale: "linear" as const });
    const of = (space: Parameters<typeof randomPoints>[0], isWhole = none) =>
      new Set(randomPoints(space, { seed: 5, count: 50, isWhole }).map((point) => point["x"])).size;
    expect(of({ x: range(0.999, 0.9999) })).toBe(50);
    expect(of({ x: range(1000, 1100) }, () => true)).toBe(50);
    expect(of({ x: range(0, 1) })).toBe(50);
    expect(of({ x: { min: 0.999, max: 0.9999, scale: "log" } })).toBe(50);
  });

  test("logarithmic ranges have as many values in each decade, linear ones in each tenth", () => {
    const space = {
      rate: { min: 1e-6, max: 1e-2, scale: "log" as const },
      share: { min: 0, max: 1, scale: "linear" as const },
    };
    const points = randomPoints(space, { seed: 4, count: 4000, isWhole: none }) as { rate: number; share: number }[];
    const within = (isIn: (point: { rate: number; share: number }) => boolean) => points.filter(isIn).length;
    // Of 4,000 a quarter or a tenth, to five standard deviations.
    for (const power of [-6, -5, -4, -3]) {
      const inDecade = within(({ rate }) => rate >= 10 ** power && rate < 10 ** (power + 1));
      expect(Math.abs(inDecade - 1000)).toBeLessThan(5 * Math.sqrt(4000 * 0.25 * 0.75));
    }
    const inFirstTenth = within(({ share }) => share < 0.1);
    expect(Math.abs(inFirstTenth - 400)).toBeLessThan(5 * Math.sqrt(4000 * 0.1 * 0.9));
    expect(within(({ rate, share }) => rate < 1e-6 || rate > 1e-2 || share < 0 || share > 1)).toBe(0);
  });
});

describe("successive halving", () => {
  // Table 1 of Li et al. 2018 has eta = 3 and R = 81: n = 81, 27, 9, 3, 1 with r = 1, 3, 9, 27, 81.
  test("has the rounds of Hyperband's first bracket", () => {
    const rounds = halvingRounds(81, 3);
    expect(rounds.map(({ numTrials }) => numTrials)).toEqual([81, 27, 9, 3, 1]);
    expect(rounds.map(({ share }) => Math.round(share * 81))).toEqual([1, 3, 9, 27, 81]);
  });

  test("ends with a run to its end, whatever the number of trials", () => {
    for (const [numTrials, factor] of [
      [8, 2],
      [10, 3],
      [2, 3],
      [1, 2],
      [243, 3],
    ] as const) {
      const rounds = halvingRounds(numTrials, factor);
      expect(rounds[0]!.numTrials).toBe(numTrials);
      expect(rounds.at(-1)!.share).toBe(1);
      for (const [i, { numTrials: count }] of rounds.entries()) {
        const before = rounds[i - 1]?.numTrials ?? Infinity;
        expect(count).toBeLessThan(before);
      }
    }
  });
});
