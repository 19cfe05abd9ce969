/** @file Which evaluation was the best one, and when there is no hope for a better one: as transformers' EarlyStoppingCallback. */
import { isImprovement } from "../metrics/metricDirection.ts";
import type { BestEvaluation, TrainingState } from "./trainingState.ts";

export type EarlyStopping = {
  /** Evaluations in a row without improvement after which training stops. */
  readonly patience: number;
  /** By how much the best value must be beaten to count as an improvement. */
  readonly threshold: number;
};

export type Judgement = Pick<TrainingState, "best" | "evaluationsWithoutImprovement"> & {
  readonly isBest: boolean;
  readonly isHopeless: boolean;
};

/** @param value - of the metric at `step`; null where it is not defined, which improves nothing */
export function judge(
  evaluated: { readonly metric: string; readonly step: number; readonly value: number | null },
  before: Pick<TrainingState, "best" | "evaluationsWithoutImprovement">,
  stopping: EarlyStopping | null,
): Judgement {
  const { metric, step, value } = evaluated;
  const values = { value, best: before.best?.value ?? null };
  const isBest = isImprovement(metric, values);
  const best: BestEvaluation | null = isBest ? { metric, step, value: value! } : before.best;
  const isEnough = isImprovement(metric, values, stopping?.threshold ?? 0);
  const without = isEnough ? 0 : before.evaluationsWithoutImprovement + 1;
  return {
    best,
    evaluationsWithoutImprovement: without,
    isBest,
    isHopeless: stopping !== null && without >= stopping.patience,
  };
}
