/** @file By which metric a job chooses its best checkpoint, and at which step that was: as the server's training loop does. */
import type { JobHistory, Series } from "./jobHistory.ts";
import type { Job } from "./jobTypes.ts";

const lowerIsBetter = /(^|_)(loss|perplexity|mse|mae|rmse)$/;

/** Where the job names none: the first of these that its evaluations have. */
const ownMetrics: Readonly<Record<string, readonly string[]>> = {
  "sequence-classification": ["f1_micro", "mse", "accuracy"],
  "token-classification": ["f1", "accuracy"],
  "question-answering": ["f1"],
  "multiple-choice": ["accuracy"],
  "next-sentence": ["accuracy"],
  "sentence-embedding": ["mrr_at_10", "spearman", "teacher_spearman"],
};

/** Name of the series, such as `valid_accuracy`; null before the first evaluation. */
export function metricOfJob({ method }: Pick<Job, "method">, history: Pick<JobHistory, "names">): string | null {
  const { task = "", hyperparameters } = method.supervised;
  const asked = hyperparameters["metric_for_best_model"];
  const candidates = typeof asked === "string" ? [asked] : [...(ownMetrics[task] ?? []), "loss"];
  const found = candidates.find((name) => history.names.includes(`valid_${name}`));
  return found === undefined ? null : `valid_${found}`;
}

export function isGreaterBetter(metric: string): boolean {
  return !lowerIsBetter.test(metric);
}

/** Of equal values the first; null without any. */
export function bestOf(metric: string, { steps, values }: Series): { step: number; value: number } | null {
  let best: { step: number; value: number } | null = null;
  for (const [index, value] of values.entries()) {
    const isBetter = best === null || (isGreaterBetter(metric) ? value > best.value : value < best.value);
    if (isBetter) best = { step: steps[index]!, value };
  }
  return best;
}
