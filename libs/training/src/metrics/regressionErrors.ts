/** @file Errors of regression, as scikit-learn 1.9: `mean_squared_error`, `mean_absolute_error`, `r2_score`. */
import { expectSameLength } from "./expectSameLength.ts";

export type RegressionErrors = {
  /** Each is null when there are no values, or one is not finite. */
  readonly mse: number | null;
  readonly mae: number | null;
  /**
   * 1 - squared error / variance of the targets. For constant targets 1 when all predictions are right, else 0
   * (`force_finite`); null for fewer than two values.
   */
  readonly r2: number | null;
};

/** @throws MetricError when the lengths differ */
export function regressionErrors(targets: ArrayLike<number>, predictions: ArrayLike<number>): RegressionErrors {
  expectSameLength("regressionErrors", targets, predictions);
  const n = targets.length;
  let [mean, squared, absolute, variation] = [0, 0, 0, 0];
  let isConstant = true;
  for (let index = 0; index < n; index++) mean += targets[index]! / n;
  for (let index = 0; index < n; index++) {
    const error = targets[index]! - predictions[index]!;
    squared += error ** 2;
    absolute += Math.abs(error);
    variation += (targets[index]! - mean) ** 2;
    isConstant &&= targets[index] === targets[0];
  }
  return {
    mse: finite(squared / n),
    mae: finite(absolute / n),
    r2: n < 2 ? null : finite(explained(squared, isConstant ? 0 : variation)),
  };
}

function explained(squared: number, variation: number): number {
  if (variation === 0) return squared === 0 ? 1 : 0;
  return 1 - squared / variation;
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
