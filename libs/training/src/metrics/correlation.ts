/** @file Pearson's and Spearman's correlation, as scipy.stats 1.17. */
import { averageRanks } from "./averageRanks.ts";
import { expectSameLength } from "./expectSameLength.ts";

/**
 * @returns in [-1, 1]; null where it is not defined: fewer than two values, one side constant, or a value that is not finite
 * @throws MetricError when the lengths differ
 */
export function pearson(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  expectSameLength("pearson", a, b);
  // By comparison: the mean of equal values need not be that value, and the variance not 0.
  if (isConstant(a) || isConstant(b)) return null;
  const [unitA, unitB] = [centredUnit(a), centredUnit(b)];
  let product = 0;
  for (let index = 0; index < unitA.length; index++) product += unitA[index]! * unitB[index]!;
  return Number.isFinite(product) ? Math.max(-1, Math.min(1, product)) : null;
}

/** Pearson's correlation of the ranks, with average ranks for equal values; null where pearson() is. */
export function spearman(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  expectSameLength("spearman", a, b);
  if (!isFinite(a) || !isFinite(b)) return null;
  return pearson(averageRanks(a), averageRanks(b));
}

function isConstant(values: ArrayLike<number>): boolean {
  for (let index = 1; index < values.length; index++) if (values[index] !== values[0]) return false;
  return true;
}

function isFinite(values: ArrayLike<number>): boolean {
  for (let index = 0; index < values.length; index++) if (!Number.isFinite(values[index])) return false;
  return true;
}

/** The values less their mean, divided by their Euclidean length. */
function centredUnit(values: ArrayLike<number>): Float64Array {
  const unit = Float64Array.from(values);
  const mean = unit.reduce((sum, value) => sum + value, 0) / unit.length;
  let squares = 0;
  for (let index = 0; index < unit.length; index++) {
    unit[index]! -= mean;
    squares += unit[index]! ** 2;
  }
  const length = Math.sqrt(squares);
  for (let index = 0; index < unit.length; index++) unit[index]! /= length;
  return unit;
}
