/**
 * @file The training loop: steps of a pipeline over a data set, with evaluations, early stopping and checkpoints.
 *
 * A step is a transaction. Its gradients are computed, its numbers are written to the log, then the parameters change. When a
 * stage is lost the pipeline is opened anew, reads the last checkpoint, and makes the steps since once more; the log knows what
 * each of them has to give, to the last bit.
 *
 * Knows nothing of files, processes or the clock of the machine: all of these are handed in.
 */
import { taskMetrics } from "../metrics/taskMetrics.ts";
import type { TrainingPipeline } from "../pipeline/trainingPipeline.ts";
import { countWarmupSteps } from "../schedules/learningRate.ts";
import { metricOf } from "./evaluate.ts";
import { planRun, type RunPlan } from "./runPlan.ts";
import { isStageLost, TrainingError } from "./trainingError.ts";
import type { TrainingSummary } from "./trainingEvents.ts";
import type { TrainingOptions } from "./trainingOptions.ts";
import { TrainingRun } from "./trainingRun.ts";

/** Losses of a stage in a row that no new step comes between. */
const MAX_LOSSES = 5;

/**
 * Run, or go on with, a training run until it is finished or told to stop.
 *
 * @throws TrainingError; whatever the pipeline throws besides `stage_lost`. Checkpoints stay
 */
export async function runTraining(options: TrainingOptions): Promise<TrainingSummary> {
  const run = new TrainingRun(options, checkRun(options));
  let pipeline: TrainingPipeline | null = null;
  let losses = 0;
  try {
    for (;;) {
      const { lastStep } = options.log;
      try {
        pipeline = await options.openPipeline(pipeline);
        return await run.train(pipeline);
      } catch (error) {
        if (!isStageLost(error)) throw error;
        losses = options.log.lastStep > lastStep ? 1 : losses + 1;
        if (losses > MAX_LOSSES) throw stalled(error, options.log.lastStep);
        await options.onEvent?.({ type: "warning", message: `${error.message}; going on from the last checkpoint` });
        run.noteLoss();
      }
    }
  } finally {
    await pipeline?.close();
  }
}

function stalled(cause: Error, step: number): TrainingError {
  const message = `step ${step + 1}: expected the stages to last for one step, got ${MAX_LOSSES + 1} losses in a row (the last: ${cause.message})`;
  return new TrainingError("training_stalled", message, { cause, step: step + 1 });
}

/** What of a run's options can be wrong before it is begun. */
export type CheckedOptions = Pick<
  TrainingOptions,
  | "data"
  | "evaluation"
  | "length"
  | "learningRate"
  | "evaluationSteps"
  | "checkpointSteps"
  | "earlyStopping"
  | "bestMetric"
>;

/** @returns how long the run is @throws TrainingError, ScheduleError */
export function checkRun(options: CheckedOptions): RunPlan {
  const plan = planRun(options.data, options.length);
  checkOptions(options, plan);
  return plan;
}

function checkOptions(options: CheckedOptions, { totalSteps }: RunPlan): void {
  const { evaluation, earlyStopping, bestMetric, learningRate } = options;
  const wrong = (message: string) => new TrainingError("training_option", message);
  const steps = { "eval steps": options.evaluationSteps, "checkpoint steps": options.checkpointSteps };
  for (const [name, value] of Object.entries(steps)) {
    if (value !== null && (!Number.isInteger(value) || value < 1))
      throw wrong(`${name}: expected a whole number of at least 1, got ${value}`);
  }
  const forEvaluation = { patience: earlyStopping, "best metric": bestMetric, "eval steps": options.evaluationSteps };
  const option = Object.entries(forEvaluation).find(([, value]) => value !== null)?.[0];
  if (evaluation === null && option !== undefined) {
    throw wrong(`${option}: it says nothing without evaluation data (give some, or a share of the training data)`);
  }
  // Without batches it has the same metrics.
  if (evaluation !== null && bestMetric !== null)
    metricOf(taskMetrics(evaluation.data.task, evaluation.metrics).finish(), bestMetric);
  if (!(learningRate.peak > 0))
    throw wrong(`learning rate: expected a number above 0, got ${learningRate.peak} (5e-5 is usual)`);
  if (learningRate.peak > 1) throw wrong(`learning rate: expected at most 1, got ${learningRate.peak} (5e-5 is usual)`);
  const warmup = countWarmupSteps(learningRate.warmup, totalSteps);
  if (warmup > totalSteps)
    throw wrong(`warm-up: expected at most the ${totalSteps} steps of the run, got ${warmup} (give fewer)`);
}
