/** @file Which of two values of a metric is the better one: for early stopping and for the best checkpoint. */

const lowerIsBetter = new Set(["perplexity", "mse", "mae", "rmse"]);

/** False for losses (every name that ends with "loss") and errors. A prefix such as "valid_" does not matter. */
export function isGreaterBetter(metric: string): boolean {
  if (metric.endsWith("loss")) return false;
  return !lowerIsBetter.has(metric) && !lowerIsBetter.has(metric.replace(/^.*_/, ""));
}

/**
 * Whether `value` improves on `best` by more than `threshold`. A value that is not defined (null) never does; any value
 * improves on null.
 */
export function isImprovement(
  metric: string,
  values: { readonly value: number | null; readonly best: number | null },
  threshold = 0,
): boolean {
  const { value, best } = values;
  if (value === null || Number.isNaN(value)) return false;
  if (best === null) return true;
  return isGreaterBetter(metric) ? value > best + threshold : value < best - threshold;
}
