import { describe, expect, test } from "vitest";
import { calibrationShapes, fitRunCost, type TimedRun } from "./fitRunCost.ts";
import type { RunCost } from "./lengthGroups.ts";
import { Random } from "./testing/random.ts";

/** The formula of RunCost, written out anew. */
function secondsOf({ fixed, token, padded, attention }: RunCost, lengths: readonly number[]): number {
  const L = Math.max(...lengths);
  const T = lengths.reduce((a, b) => a + b, 0);
  return fixed + token * T + padded * lengths.length * L + attention * lengths.length * L ** 2;
}

const timed = (cost: RunCost, shapes: readonly (readonly number[])[]): TimedRun[] =>
  shapes.map((lengths) => ({ lengths, seconds: secondsOf(cost, lengths) }));

const randomShapes = (random: Random, count: number) =>
  Array.from({ length: count }, () =>
    Array.from({ length: random.whole(1, 12) }, () => random.whole(1, random.pick([16, 64, 256]))),
  );

/** Of the size that one stage of MiniLM has on two cores. */
const minilm: RunCost = { fixed: 4e-4, token: 8e-5, padded: 2e-6, attention: 3e-8 };

/** Root of the sum of squared errors relative to each run. */
const residual = (cost: RunCost, runs: readonly TimedRun[]) =>
  Math.hypot(...runs.map(({ lengths, seconds }) => secondsOf(cost, lengths) / seconds - 1));

/** Non-negative least squares in the plainest way there is: one coefficient after another, many times over. */
function coordinateDescent(runs: readonly TimedRun[]): RunCost {
  const cost = { fixed: 0, token: 0, padded: 0, attention: 0 };
  const parts = ["fixed", "token", "padded", "attention"] as const;
  const columns = parts.map((part) =>
    runs.map(({ lengths, seconds }) => secondsOf({ ...cost, [part]: 1 }, lengths) / seconds),
  );
  const errors = runs.map(() => 1);
  for (let round = 0; round < 5000; round++) {
    parts.forEach((part, index) => {
      const column = columns[index]!;
      const slope = column.reduce((total, value, at) => total + value * errors[at]!, 0);
      const step = Math.max(-cost[part], slope / column.reduce((total, value) => total + value * value, 0));
      cost[part] += step;
      column.forEach((value, at) => (errors[at]! -= step * value));
    });
  }
  return cost;
}

describe("fitRunCost()", () => {
  test.each([
    ["a stage of MiniLM", minilm],
    ["a machine a thousand times as fast", { fixed: 4e-7, token: 8e-8, padded: 2e-9, attention: 3e-11 }],
    ["a run that costs the same whatever its size", { fixed: 0.01, token: 0, padded: 0, attention: 0 }],
    ["no fixed part", { fixed: 0, token: 1e-4, padded: 0, attention: 1e-7 }],
  ])("finds the coefficients of %s from the four calibration shapes", (_, cost) => {
    const fitted = fitRunCost(timed(cost, calibrationShapes(512)));
    for (const part of ["fixed", "token", "padded", "attention"] as const) {
      // Relative to what the part contributes to a run of 256 tokens.
      const weight = { fixed: 1, token: 256, padded: 256, attention: 256 ** 2 }[part];
      expect(Math.abs(fitted[part] - cost[part]) * weight).toBeLessThan(1e-6 * secondsOf(cost, [256]));
    }
  });

  test("finds random coefficients exactly (200 models, 8 random shapes each)", () => {
    const random = new Random(21);
    for (let round = 0; round < 200; round++) {
      const cost = {
        fixed: random.next() * 1e-3,
        token: random.next() * 1e-4,
        padded: random.next() * 1e-5,
        attention: random.next() * 1e-7,
      };
      const fitted = fitRunCost(timed(cost, randomShapes(random, 8)));
      for (const lengths of randomShapes(random, 5)) {
        expect(secondsOf(fitted, lengths) / secondsOf(cost, lengths)).toBeCloseTo(1, 4);
      }
    }
  });

  // Least squares with 4 parameters and 200 runs: the expected error is 5 % * sqrt(4 / 200) = 0.7 %.
  test("with 5 % noise on 200 runs it predicts others to 1.5 % (root mean square)", () => {
    const random = new Random(22);
    const errors: number[] = [];
    for (let round = 0; round < 20; round++) {
      const runs = timed(minilm, randomShapes(random, 200)).map(({ lengths, seconds }) => ({
        lengths,
        seconds: seconds * (1 + 0.05 * random.normal()),
      }));
      const fitted = fitRunCost(runs);
      for (const lengths of randomShapes(random, 20)) {
        errors.push(secondsOf(fitted, lengths) / secondsOf(minilm, lengths) - 1);
      }
    }
    expect(Math.sqrt(errors.reduce((a, b) => a + b * b, 0) / errors.length)).toBeLessThan(0.015);
  });

  test("with 5 % noise on the four calibration shapes it predicts runs between them to 30 %", () => {
    const random = new Random(23);
    for (let round = 0; round < 200; round++) {
      const runs = timed(minilm, calibrationShapes(512)).map(({ lengths, seconds }) => ({
        lengths,
        seconds: seconds * (1 + 0.05 * Math.max(-2, Math.min(2, random.normal()))),
      }));
      const fitted = fitRunCost(runs);
      for (const lengths of [[32, 32, 32, 32], [128], [64, 64], [100, 20, 60]]) {
        expect(Math.abs(secondsOf(fitted, lengths) / secondsOf(minilm, lengths) - 1)).toBeLessThan(0.3);
      }
    }
  });

  test("fits noise as well as anything with coefficients of at least 0 does, to 2 %", () => {
    const random = new Random(26);
    for (let round = 0; round < 100; round++) {
      // Each part absent half of the time, so that many of them would come out negative.
      const cost = {
        fixed: random.chance(0.5) ? 0 : random.next() * 1e-2,
        token: random.chance(0.5) ? 1e-6 : random.next() * 1e-4,
        padded: random.chance(0.5) ? 0 : random.next() * 1e-5,
        attention: random.chance(0.5) ? 0 : random.next() * 1e-7,
      };
      const runs = timed(cost, randomShapes(random, 12)).map(({ lengths, seconds }) => ({
        lengths,
        seconds: seconds * (1 + 0.1 * Math.max(-3, random.normal())),
      }));
      expect(residual(fitRunCost(runs), runs)).toBeLessThanOrEqual(
        1.02 * residual(coordinateDescent(runs), runs) + 1e-9,
      );
    }
  });

  test("gives finite coefficients of at least 0, whatever was measured", () => {
    const random = new Random(24);
    for (let round = 0; round < 500; round++) {
      const shapes = random.chance(0.5) ? calibrationShapes(random.whole(1, 600)) : randomShapes(random, 5);
      const runs = shapes.map((lengths) => ({ lengths, seconds: random.chance(0.1) ? 0 : random.next() }));
      const wrong = Object.values(fitRunCost(runs)).filter((part) => !(part >= 0 && part < Infinity));
      expect({ runs, wrong }).toEqual({ runs, wrong: [] });
    }
  });

  test("predicts what it was given where the shapes cannot tell the parts apart (all texts of one length)", () => {
    const random = new Random(25);
    for (let round = 0; round < 200; round++) {
      const length = random.whole(1, 16);
      const cost = { fixed: random.next(), token: random.next(), padded: random.next(), attention: random.next() };
      const runs = timed(cost, calibrationShapes(length));
      const fitted = fitRunCost(runs);
      for (const { lengths, seconds } of runs) {
        expect(secondsOf(fitted, lengths) / seconds).toBeCloseTo(1, 6);
      }
    }
  });
});

describe("calibrationShapes()", () => {
  test("no text is longer than the model's longest", () => {
    for (const maxLength of [1, 8, 16, 40, 100, 256, 512]) {
      for (const shape of calibrationShapes(maxLength)) expect(Math.max(...shape)).toBeLessThanOrEqual(maxLength);
    }
  });
});
