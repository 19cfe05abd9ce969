/** @file What the metrics of a set need to know of it. */
import { answerData, type TaskMetricOptions } from "@stagecoach/training";
import type { ExampleSet } from "@stagecoach/training/node";

export function metricOptions({ encoded, examples }: ExampleSet, labels: readonly string[]): TaskMetricOptions {
  if (encoded.task.name === "question-answering") return { answers: answerData(encoded, examples) };
  return labels.length === 0 ? {} : { labels };
}
