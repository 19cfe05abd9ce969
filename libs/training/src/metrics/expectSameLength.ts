/** @file Targets and predictions come in pairs. */
import { MetricError } from "../errors.ts";

/** @throws MetricError */
export function expectSameLength(where: string, targets: ArrayLike<unknown>, predictions: ArrayLike<unknown>): void {
  if (targets.length !== predictions.length) {
    throw new MetricError(
      `${where}: expected one prediction per target, got ${predictions.length} predictions for ${targets.length} targets`,
    );
  }
}
