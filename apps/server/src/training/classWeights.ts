/** @file What a loss over classes is told besides the labels: weights of the classes, from names or from how often each occurs, and smoothing. */
import { TrainingError } from "@stagecoach/training";
import type { ExampleSet } from "@stagecoach/training/node";
import type { Task } from "@stagecoach/transformer";
import { closestName } from "../config/closestName.ts";

export type ClassWeightRule = "balanced" | Readonly<Record<string, number>>;

/**
 * The task with the weights in it. "balanced" is scikit-learn's: examples / (classes * examples of the class). Classes that are not
 * named have weight 1.
 *
 * @throws TrainingError for a task without classes, and for an unknown label
 */
export function withClassWeights(
  task: Task,
  rule: ClassWeightRule | undefined,
  { labels, train }: { readonly labels: readonly string[]; readonly train: ExampleSet },
): Task {
  if (rule === undefined) return task;
  if (!hasOneLabel(task) || (rule === "balanced" && task.name === "token-classification")) {
    const expected = rule === "balanced" ? "one label per text" : "one label per text or token";
    throw wrong(`expected a task with ${expected}, got ${kindOf(task)}`);
  }
  return { ...task, classWeights: rule === "balanced" ? balanced(task.numLabels, train) : named(rule, labels) };
}

/** @throws TrainingError for a task whose examples are not of one class each */
export function withLabelSmoothing(task: Task, factor: number | undefined): Task {
  if (factor === undefined) return task;
  if (hasOneLabel(task)) return { ...task, labelSmoothing: factor };
  const message = `label smoothing factor: expected a task with one label per text or token, got ${kindOf(task)}`;
  throw new TrainingError("training_option", message);
}

type OneLabel = Extract<Task, { readonly name: "sequence-classification" | "token-classification" }>;

/** Whether each text, or each token, is of one class. */
function hasOneLabel(task: Task): task is OneLabel {
  if (task.name === "sequence-classification") return task.problemType === "single_label_classification";
  return task.name === "token-classification";
}

const kindOf = (task: Task): string => (task.name === "sequence-classification" ? task.problemType : task.name);

/** Examples of each class, where an example's target is the numbers of its classes: one, or any number. */
export function countLabels(numLabels: number, { encoded, examples }: LabelledSet): number[] {
  const counts = Array.from({ length: numLabels }, () => 0);
  for (const example of examples) for (const label of encoded.store.get(example).target) counts[label]!++;
  return counts;
}

type LabelledSet = { readonly encoded: Pick<ExampleSet["encoded"], "store">; readonly examples: Int32Array };

function balanced(numLabels: number, set: ExampleSet): number[] {
  const { examples } = set;
  return countLabels(numLabels, set).map((count) => (count === 0 ? 0 : examples.length / (numLabels * count)));
}

function named(weights: Readonly<Record<string, number>>, labels: readonly string[]): number[] {
  for (const label of Object.keys(weights)) {
    if (labels.includes(label)) continue;
    const closest = closestName(label, labels);
    throw wrong(
      `expected a label of the data, got "${label}"${closest === null ? "" : ` (did you mean "${closest}"?)`}`,
    );
  }
  return labels.map((label) => weights[label] ?? 1);
}

const wrong = (message: string) => new TrainingError("training_option", `class weights: ${message}`);
