/** @file A job's plan as the options of its run, as far as they are known before anything is opened. */
import type { CheckedOptions } from "@stagecoach/training";
import type { JobPlan } from "./planJob.ts";

export function runOptionsOf({ train, evaluation, hyperparameters: given }: JobPlan): CheckedOptions {
  const { early_stopping_patience: patience, early_stopping_threshold: threshold = 0 } = given;
  return {
    data: train,
    evaluation,
    length: { epochs: given.n_epochs, maxSteps: given.max_steps },
    learningRate: {
      shape: given.lr_scheduler,
      peak: given.learning_rate,
      warmup: {
        ...(given.warmup_steps === undefined ? {} : { steps: given.warmup_steps }),
        ...(given.warmup_ratio === undefined ? {} : { ratio: given.warmup_ratio }),
      },
    },
    evaluationSteps: given.eval_steps ?? null,
    checkpointSteps: given.checkpoint_steps ?? null,
    earlyStopping: patience === undefined ? null : { patience, threshold },
    bestMetric: given.metric_for_best_model ?? null,
  };
}
