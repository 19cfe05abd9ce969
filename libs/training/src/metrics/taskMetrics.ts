/**
 * @file How well a model does its task on a data set: loss, metrics and predictions from batches of outputs.
 *
 * Losses are computed here from logits, in float64 over the whole data set: what one big batch would give, however it was cut.
 */
import type { ProblemType, Task, TaskName } from "@stagecoach/transformer";
import { MetricError } from "../errors.ts";
import type { MetricAccumulator } from "./tasks/accumulator.ts";
import { answerMetrics, type AnswerData } from "./tasks/answerMetrics.ts";
import { choiceMetrics } from "./tasks/choiceMetrics.ts";
import { classMetrics, type ClassMetricOptions } from "./tasks/classMetrics.ts";
import { embeddingMetrics } from "./tasks/embeddingMetrics.ts";
import { labelSetMetrics } from "./tasks/labelSetMetrics.ts";
import { maskedTokenMetrics } from "./tasks/maskedTokenMetrics.ts";
import { nextSentenceMetrics } from "./tasks/nextSentenceMetrics.ts";
import { pretrainingMetrics } from "./tasks/pretrainingMetrics.ts";
import { regressionMetrics } from "./tasks/regressionMetrics.ts";
import { tagMetrics } from "./tasks/tagMetrics.ts";

export type TaskMetricOptions = {
  /** Names of the classes in order (`id2label`). Default LABEL_0, LABEL_1, as in transformers. */
  readonly labels?: readonly string[];
  /** Multi-label: probability above which a label is predicted. Default 0.5. */
  readonly threshold?: number;
  /** Question answering: required. */
  readonly answers?: AnswerData;
};

/**
 * A new accumulator for one evaluation.
 *
 * @throws MetricError when the options do not fit the task
 */
export function taskMetrics(task: Task, options: TaskMetricOptions = {}): MetricAccumulator {
  return (accumulators[task.name] as Make<Task>)(task, options);
}

type Make<OneTask> = (task: OneTask, options: TaskMetricOptions) => MetricAccumulator;
type SequenceTask = Extract<Task, { name: "sequence-classification" }>;

const accumulators: { readonly [Name in TaskName]: Make<Extract<Task, { name: Name }>> } = {
  "sequence-classification": (task, options) => sequenceAccumulators[task.problemType](task, options),
  "token-classification": (task, options) => tagMetrics(classOptions(task, options)),
  "question-answering"(_task, { answers }) {
    if (answers === undefined) {
      throw new MetricError("taskMetrics: expected the questions and their windows (options.answers), got none");
    }
    return answerMetrics(answers);
  },
  "multiple-choice": choiceMetrics,
  "masked-lm": maskedTokenMetrics,
  "next-sentence": nextSentenceMetrics,
  pretraining: pretrainingMetrics,
  "sentence-embedding": embeddingMetrics,
};

const sequenceAccumulators: Readonly<Record<ProblemType, Make<SequenceTask>>> = {
  single_label_classification: (task, options) => classMetrics(classOptions(task, options)),
  multi_label_classification(task, options) {
    const { threshold = 0.5 } = options;
    if (!(threshold > 0 && threshold < 1)) {
      throw new MetricError(`taskMetrics: expected a threshold between 0 and 1, got ${threshold}`);
    }
    return labelSetMetrics({ labels: labelNames(task.numLabels, options), threshold });
  },
  regression: (task) => regressionMetrics(task.numLabels),
};

function classOptions(
  task: { readonly numLabels: number; readonly classWeights?: readonly number[] },
  options: TaskMetricOptions,
): ClassMetricOptions {
  const labels = labelNames(task.numLabels, options);
  return task.classWeights === undefined ? { labels } : { labels, classWeights: task.classWeights };
}

function labelNames(numLabels: number, { labels }: TaskMetricOptions): readonly string[] {
  if (labels === undefined) return Array.from({ length: numLabels }, (_, label) => `LABEL_${label}`);
  if (labels.length !== numLabels) {
    throw new MetricError(`taskMetrics: expected names of ${numLabels} labels, got ${labels.length}`);
  }
  return labels;
}
