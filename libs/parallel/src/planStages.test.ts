import { describe, expect, test } from "vitest";
import { PlanError } from "./errors.ts";
import { planStages, stageCost, type ModelCosts } from "./planStages.ts";
import { Random } from "./testing/random.ts";

type Range = { readonly start: number; readonly end: number };

/** Every way to cut `numLayers` layers into `numStages` ranges that are not empty. */
function allSplits(numLayers: number, numStages: number, start = 0): Range[][] {
  if (numStages === 1) return [[{ start, end: numLayers }]];
  const splits: Range[][] = [];
  for (let end = start + 1; end <= numLayers - numStages + 1; end++) {
    for (const rest of allSplits(numLayers, numStages - 1, end)) splits.push([{ start, end }, ...rest]);
  }
  return splits;
}

/** Written anew here, so that a mistake in stageCost shows. */
function costsOf({ embeddings, layers, head }: ModelCosts, ranges: readonly Range[]): number[] {
  return ranges.map(({ start, end }, stage) => {
    let cost = 0;
    for (let layer = start; layer < end; layer++) cost += layers[layer]!;
    if (stage === 0) cost += embeddings;
    if (stage === ranges.length - 1) cost += head;
    return cost;
  });
}

const squares = (costs: readonly number[]) => costs.reduce((total, cost) => total + cost * cost, 0);

/** Largest cost of the best split, and the least sum of squares among the splits that have it. */
function bruteForce(costs: ModelCosts, numStages: number): { largest: number; squares: number } {
  const all = allSplits(costs.layers.length, numStages).map((ranges) => costsOf(costs, ranges));
  const largest = Math.min(...all.map((each) => Math.max(...each)));
  const best = all.filter((each) => Math.max(...each) <= largest);
  return { largest, squares: Math.min(...best.map(squares)) };
}

/** Whole numbers add up exactly, so ties are ties; `spread` 2 makes many of them. */
function randomCosts(random: Random): ModelCosts {
  const spread = random.pick([2, 5, 100]);
  return {
    embeddings: random.whole(0, spread),
    layers: Array.from({ length: random.whole(1, 10) }, () => random.whole(random.pick([0, 1]), spread)),
    head: random.whole(0, spread),
  };
}

describe("planStages()", () => {
  test("is as cheap and as even as the best of all contiguous splits (600 random models of 1 to 10 layers)", () => {
    const random = new Random(1);
    for (let round = 0; round < 600; round++) {
      const costs = randomCosts(random);
      const numStages = random.whole(1, costs.layers.length);
      const chosen = costsOf(costs, planStages(costs, numStages));
      const found = { largest: Math.max(...chosen), squares: squares(chosen) };
      expect({ costs, numStages, ...found }).toEqual({ costs, numStages, ...bruteForce(costs, numStages) });
    }
  });

  test("the same for costs that are not whole numbers", () => {
    const random = new Random(2);
    for (let round = 0; round < 200; round++) {
      const layers = Array.from({ length: random.whole(1, 9) }, () => random.next());
      const costs = { embeddings: random.next() / 2, layers, head: random.next() / 2 };
      const numStages = random.whole(1, layers.length);
      const chosen = costsOf(costs, planStages(costs, numStages));
      const best = bruteForce(costs, numStages);
      expect(Math.max(...chosen)).toBeCloseTo(best.largest, 12);
      expect(squares(chosen)).toBeCloseTo(best.squares, 12);
    }
  });

  test("covers every layer exactly once, in order, with no empty stage", () => {
    const random = new Random(3);
    for (let round = 0; round < 200; round++) {
      const costs = randomCosts(random);
      const numStages = random.whole(1, costs.layers.length);
      const ranges = planStages(costs, numStages);
      expect(ranges).toHaveLength(numStages);
      const covered = ranges.flatMap(({ start, end }) =>
        Array.from({ length: end - start }, (_, offset) => start + offset),
      );
      expect(covered).toEqual(costs.layers.map((_, layer) => layer));
      expect(ranges.every(({ start, end }) => end > start)).toBe(true);
    }
  });

  test("equal layers are spread evenly, those left over among the stages without embeddings and head", () => {
    const layers = Array.from({ length: 12 }, () => 10);
    expect(planStages({ embeddings: 0, layers, head: 0 }, 3).map(({ end, start }) => end - start)).toEqual([4, 4, 4]);
    const sizes = planStages({ embeddings: 1, layers: layers.slice(0, 10), head: 1 }, 4).map((r) => r.end - r.start);
    expect(sizes).toEqual([2, 3, 3, 2]);
  });

  test("a stage with costly embeddings or a costly head gets fewer layers", () => {
    const layers = [1, 1, 1, 1, 1, 1];
    expect(planStages({ embeddings: 2, layers, head: 0 }, 2)).toEqual([
      { start: 0, end: 2 },
      { start: 2, end: 6 },
    ]);
    expect(planStages({ embeddings: 0, layers, head: 5 }, 2)).toEqual([
      { start: 0, end: 5 },
      { start: 5, end: 6 },
    ]);
  });

  test("among plans with the same costliest stage, the others are even too", () => {
    // The last layer costs 100 whatever happens; the six before it are to be 2 + 2 + 2, not 1 + 2 + 3.
    const sizes = planStages({ embeddings: 0, layers: [1, 1, 1, 1, 1, 1, 100], head: 0 }, 4).map(
      (r) => r.end - r.start,
    );
    expect(sizes).toEqual([2, 2, 2, 1]);
  });

  test("refuses more stages than layers, and says how many workers to start", () => {
    const costs = { embeddings: 0, layers: [1, 1, 1, 1, 1, 1], head: 0 };
    expect(() => planStages(costs, 8)).toThrow(PlanError);
    expect(() => planStages(costs, 8)).toThrow("6 layers cannot fill 8 stages; start at most 6 workers");
  });

  test.each([0, -1, 1.5, Number.NaN, Infinity])("refuses %d stages", (numStages) => {
    expect(() => planStages({ embeddings: 0, layers: [1, 1], head: 0 }, numStages)).toThrow(PlanError);
  });

  test.each([Number.NaN, -1, Infinity])("refuses a cost of %d, wherever it stands", (cost) => {
    const fine = { embeddings: 1, layers: [1, 1], head: 1 };
    expect(() => planStages({ ...fine, embeddings: cost }, 1)).toThrow(PlanError);
    expect(() => planStages({ ...fine, layers: [1, cost] }, 1)).toThrow(PlanError);
    expect(() => planStages({ ...fine, head: cost }, 1)).toThrow(PlanError);
  });
});

describe("stageCost()", () => {
  test("counts embeddings with the first layer and the head with the last one", () => {
    const costs = { embeddings: 100, layers: [1, 2, 4], head: 1000 };
    expect(stageCost(costs, { start: 0, end: 1 })).toBe(101);
    expect(stageCost(costs, { start: 1, end: 2 })).toBe(2);
    expect(stageCost(costs, { start: 2, end: 3 })).toBe(1004);
    expect(stageCost(costs, { start: 0, end: 3 })).toBe(1107);
  });
});
