/**
 * @file Which layers go to which stage: a pure function of costs and the number of stages.
 *
 * It knows nothing of processes or sockets, so a plan can be printed, tested and stored.
 */
import type { LayerRange } from "@stagecoach/transformer";
import { PlanError } from "./errors.ts";

/** Cost of each part of a model, in any one unit (seconds, or operations). */
export type ModelCosts = {
  /** Before the first layer: always on the first stage. */
  readonly embeddings: number;
  readonly layers: readonly number[];
  /** After the last layer (pooling, dense modules): always on the last stage. */
  readonly head: number;
};

/**
 * Divide layers into contiguous ranges so that the most expensive stage is as cheap as possible; among such plans, one whose
 * costs vary least (least sum of squares). Exact dynamic programming, O(layers^2 * stages).
 *
 * @returns one range per stage, in order, together covering every layer once
 * @throws PlanError when a stage would get no layer, or a cost is not a number of at least 0
 */
export function planStages(costs: ModelCosts, numStages: number): LayerRange[] {
  const numLayers = costs.layers.length;
  if (!Number.isInteger(numStages) || numStages < 1) {
    throw new PlanError(`planStages: expected a whole number of stages of at least 1, got ${numStages}`);
  }
  if (numStages > numLayers) {
    throw new PlanError(
      `planStages: ${numLayers} layers cannot fill ${numStages} stages; start at most ${numLayers} workers`,
    );
  }
  for (const cost of [costs.embeddings, ...costs.layers, costs.head]) {
    if (!(cost >= 0 && cost < Infinity)) throw new PlanError(`planStages: expected costs of at least 0, got ${cost}`);
  }
  const largest = solve(costs, numStages, leastLargest)[numStages]![numLayers]!.value;
  const best = solve(costs, numStages, leastSquares(largest));
  const ranges: LayerRange[] = [];
  let end = numLayers;
  for (let stage = numStages; stage >= 1; stage--) {
    const { start } = best[stage]![end]!;
    ranges.unshift({ start, end });
    end = start;
  }
  return ranges;
}

/** Cost of a range of layers, with the embeddings or the head where it has them. */
export function stageCost(costs: ModelCosts, { start, end }: LayerRange): number {
  const layers = costs.layers.slice(start, end).reduce((total, cost) => total + cost, 0);
  return layers + (start === 0 ? costs.embeddings : 0) + (end === costs.layers.length ? costs.head : 0);
}

/** The best way to put layers [0, end) on so many stages: its value, and where its last stage starts. */
type Cell = { readonly value: number; readonly start: number };

/** Value of a plan whose last stage costs `cost` and whose other stages have the value `before`; less is better. */
type Objective = (before: number, cost: number) => number;

const leastLargest: Objective = (before, cost) => Math.max(before, cost);

/** Only plans whose stages all cost at most `largest` count. Both aims in one pass would miss the most even of them. */
const leastSquares =
  (largest: number): Objective =>
  (before, cost) =>
    cost > largest ? Infinity : before + cost * cost;

/** @returns by number of stages and of layers */
function solve(costs: ModelCosts, numStages: number, objective: Objective): Cell[][] {
  const numLayers = costs.layers.length;
  const best: Cell[][] = [[{ value: 0, start: 0 }]];
  for (let stages = 1; stages <= numStages; stages++) {
    best[stages] = [];
    for (let end = stages; end <= numLayers; end++) {
      for (let start = stages - 1; start < end; start++) {
        const before = best[stages - 1]![start];
        if (before === undefined) continue;
        const value = objective(before.value, stageCost(costs, { start, end }));
        const sofar = best[stages]![end];
        if (sofar === undefined || value < sofar.value) best[stages]![end] = { value, start };
      }
    }
  }
  return best;
}
