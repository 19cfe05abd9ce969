/** @file One evaluation: every batch through the pipeline, without dropout, into the task's metrics. */
import type { TrainingDataSet } from "../data/batchedDataSet.ts";
import { taskMetrics, type TaskMetricOptions } from "../metrics/taskMetrics.ts";
import type { Evaluation } from "../metrics/tasks/accumulator.ts";
import type { TrainingPipeline } from "../pipeline/trainingPipeline.ts";
import { TrainingError } from "./trainingError.ts";

export type EvaluationSet = {
  readonly data: Pick<TrainingDataSet, "task" | "size" | "evaluationBatches">;
  readonly metrics: TaskMetricOptions;
};

/** @param onExamples - told of the number of examples after each batch */
export async function evaluate(
  pipeline: Pick<TrainingPipeline, "evaluate">,
  { data, metrics }: EvaluationSet,
  onExamples?: (done: number) => void | Promise<void>,
): Promise<Evaluation> {
  const accumulator = taskMetrics(data.task, metrics);
  let done = 0;
  for (const each of data.evaluationBatches()) {
    accumulator.add(each, await pipeline.evaluate(each.batch));
    done += each.examples.length;
    await onExamples?.(done);
  }
  return accumulator.finish();
}

/** The metric that is asked for, or the task's own. @throws TrainingError when there is no such metric */
export function metricOf(
  { metrics, primary }: Evaluation,
  asked: string | null,
): { name: string; value: number | null } {
  const name = asked ?? primary;
  const value = metrics[name];
  if (value === undefined) {
    const known = Object.keys(metrics).join(", ");
    throw new TrainingError("training_option", `best metric: expected one of ${known}, got "${name}"`);
  }
  return { name, value };
}
