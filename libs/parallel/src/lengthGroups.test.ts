import { describe, expect, test } from "vitest";
import { cutByLength, runSeconds, sumCosts, typicalRunCost, type RunCost } from "./lengthGroups.ts";
import { Random } from "./testing/random.ts";

/** Every way to put `items` into groups. */
function allPartitions(items: readonly number[]): number[][][] {
  const [first, ...rest] = items;
  if (first === undefined) return [[]];
  return allPartitions(rest).flatMap((groups) => [
    [[first], ...groups],
    ...groups.map((group, index) => groups.map((each, at) => (at === index ? [first, ...group] : each))),
  ]);
}

/** Every way to cut `items` into groups of neighbours. */
function allCuts(items: readonly number[]): number[][][] {
  if (items.length === 0) return [[]];
  return items.flatMap((_, index) =>
    allCuts(items.slice(index + 1)).map((rest) => [items.slice(0, index + 1), ...rest]),
  );
}

/** The formula of RunCost, written out anew. */
function secondsOf({ fixed, token, padded, attention }: RunCost, group: readonly number[]): number {
  const L = Math.max(...group);
  const T = group.reduce((a, b) => a + b, 0);
  return fixed + token * T + padded * group.length * L + attention * group.length * L ** 2;
}

const totalSeconds = (cost: RunCost, groups: readonly (readonly number[])[]) =>
  groups.reduce((total, group) => total + secondsOf(cost, group), 0);

const tokensOf = (group: readonly number[]) => group.reduce((a, b) => a + b, 0);
const isAllowed = (group: readonly number[], maxTokens: number) => group.length === 1 || tokensOf(group) <= maxTokens;

/** Costs of all proportions: now the fixed part rules, now padding does. */
function randomCost(random: Random): RunCost {
  const part = () => 10 ** (random.next() * 4 - 4);
  return { fixed: part() * 100, token: part(), padded: part(), attention: part() / 10 };
}

const randomLengths = (random: Random, most: number) =>
  Array.from({ length: random.whole(1, most) }, () => random.whole(1, random.pick([4, 30])));

describe("cutByLength()", () => {
  test("without a limit no way to put the texts into groups is cheaper (300 random cases, all set partitions)", () => {
    const random = new Random(11);
    for (let round = 0; round < 300; round++) {
      const lengths = randomLengths(random, 7);
      const cost = randomCost(random);
      const groups = cutByLength(lengths, cost, Infinity).map((group) => group.map((index) => lengths[index]!));
      const least = Math.min(...allPartitions(lengths).map((each) => totalSeconds(cost, each)));
      expect(totalSeconds(cost, groups) / least).toBeCloseTo(1, 10);
    }
  });

  test("with a limit no cut of the texts in order of length is cheaper (300 random cases, all cuts)", () => {
    const random = new Random(12);
    for (let round = 0; round < 300; round++) {
      const lengths = randomLengths(random, 10);
      const cost = randomCost(random);
      const maxTokens = random.whole(1, 60);
      const groups = cutByLength(lengths, cost, maxTokens).map((group) => group.map((index) => lengths[index]!));
      const cuts = allCuts(lengths.toSorted((a, b) => a - b)).filter((cut) =>
        cut.every((group) => isAllowed(group, maxTokens)),
      );
      const least = Math.min(...cuts.map((each) => totalSeconds(cost, each)));
      expect(totalSeconds(cost, groups) / least).toBeCloseTo(1, 10);
    }
  });

  test("no group has more than maxTokens, but for a longer text by itself; every text is in one group", () => {
    const random = new Random(13);
    for (let round = 0; round < 300; round++) {
      const lengths = Array.from({ length: random.whole(1, 80) }, () => random.whole(1, 120));
      const maxTokens = random.whole(1, 256);
      const groups = cutByLength(lengths, randomCost(random), maxTokens);
      for (const group of groups) {
        expect(
          isAllowed(
            group.map((index) => lengths[index]!),
            maxTokens,
          ),
        ).toBe(true);
      }
      expect(groups.flat().toSorted((a, b) => a - b)).toEqual(lengths.map((_, index) => index));
      expect(groups.every((group) => group.length > 0)).toBe(true);
    }
  });

  test("groups come shortest first", () => {
    const lengths = [50, 3, 20, 4, 51, 19];
    const groups = cutByLength(lengths, { fixed: 0, token: 1, padded: 1, attention: 1 }, Infinity);
    const longest = groups.map((group) => Math.max(...group.map((index) => lengths[index]!)));
    expect(longest).toEqual(longest.toSorted((a, b) => a - b));
  });

  test("where runs cost nothing but their start, all texts go together", () => {
    expect(cutByLength([9, 1, 5], { fixed: 1, token: 0, padded: 0, attention: 0 }, 15)).toEqual([[1, 2, 0]]);
  });

  test("where starting a run costs nothing, texts of one length stay together only if padding is free of charge", () => {
    const groups = cutByLength([5, 9, 5, 9], { fixed: 1e-9, token: 1, padded: 1, attention: 1 }, Infinity);
    expect(groups.map((group) => group.toSorted((a, b) => a - b))).toEqual([
      [0, 2],
      [1, 3],
    ]);
  });

  test("nothing gives no groups", () => {
    expect(cutByLength([], typicalRunCost, 512)).toEqual([]);
  });
});

describe("runSeconds()", () => {
  test("is the formula of RunCost", () => {
    // T = 10, B = 3, L = 5: 1000 + 100 * 10 + 10 * 15 + 1 * 3 * 25
    expect(runSeconds({ fixed: 1000, token: 100, padded: 10, attention: 1 }, [5, 2, 3])).toBe(2225);
  });
});

describe("sumCosts()", () => {
  test("adds part by part", () => {
    const one = { fixed: 1, token: 2, padded: 3, attention: 4 };
    expect(sumCosts([one, one, { fixed: 0.5, token: 0, padded: 0, attention: 1 }])).toEqual({
      fixed: 2.5,
      token: 4,
      padded: 6,
      attention: 9,
    });
  });
});
