/**
 * @file Scores of single-label classification, as scikit-learn 1.9: `accuracy_score`, `precision_recall_fscore_support`,
 * `matthews_corrcoef`, `confusion_matrix`.
 *
 * Labels are whole numbers from 0. Averages go over the classes that occur in targets or predictions, which is
 * scikit-learn's default.
 */
import {
  averageScores,
  quotient,
  scoresOf,
  type AveragedScores,
  type ClassCounts,
  type Scores,
} from "./classScores.ts";
import { expectSameLength } from "./expectSameLength.ts";

export type ClassScores = Scores & { readonly label: number; readonly support: number };

export type ClassificationScores = AveragedScores & {
  /** Null when there is nothing to score. */
  readonly accuracy: number | null;
  /** Matthews correlation; 0 when all targets or all predictions are one class. */
  readonly mcc: number;
  /** By label; classes that neither occur nor are predicted have zeros. */
  readonly perClass: readonly ClassScores[];
};

/**
 * @param numClasses - left out: one more than the largest label
 * @throws MetricError when the lengths differ
 */
export function classificationScores(
  targets: ArrayLike<number>,
  predictions: ArrayLike<number>,
  numClasses = largest(targets, predictions) + 1,
): ClassificationScores {
  expectSameLength("classificationScores", targets, predictions);
  const classes = countClasses(targets, predictions, numClasses);
  const correct = classes.reduce((sum, each) => sum + each.correct, 0);
  return {
    accuracy: targets.length === 0 ? null : correct / targets.length,
    mcc: matthews(classes, targets.length),
    perClass: classes.map((each, label) => ({ label, ...scoresOf(each), support: each.actual })),
    ...averageScores(classes.filter(({ predicted, actual }) => predicted + actual > 0)),
  };
}

/** Scores of one class against all others: scikit-learn's `average="binary"`. */
export function binaryScores(targets: ArrayLike<number>, predictions: ArrayLike<number>, positive = 1): Scores {
  expectSameLength("binaryScores", targets, predictions);
  const counts = { correct: 0, predicted: 0, actual: 0 };
  for (let index = 0; index < targets.length; index++) {
    const isActual = targets[index] === positive;
    const isPredicted = predictions[index] === positive;
    if (isActual) counts.actual++;
    if (isPredicted) counts.predicted++;
    if (isActual && isPredicted) counts.correct++;
  }
  return scoresOf(counts);
}

/** @returns `[C, C]`: examples by target (row) and prediction (column) */
export function confusionMatrix(
  targets: ArrayLike<number>,
  predictions: ArrayLike<number>,
  numClasses = largest(targets, predictions) + 1,
): number[][] {
  expectSameLength("confusionMatrix", targets, predictions);
  const matrix = Array.from({ length: numClasses }, () => Array.from({ length: numClasses }, () => 0));
  for (let index = 0; index < targets.length; index++) matrix[targets[index]!]![predictions[index]!]!++;
  return matrix;
}

function countClasses(
  targets: ArrayLike<number>,
  predictions: ArrayLike<number>,
  numClasses: number,
): readonly ClassCounts[] {
  const classes = Array.from({ length: numClasses }, () => ({ correct: 0, predicted: 0, actual: 0 }));
  for (let index = 0; index < targets.length; index++) {
    classes[targets[index]!]!.actual++;
    classes[predictions[index]!]!.predicted++;
    if (targets[index] === predictions[index]) classes[targets[index]!]!.correct++;
  }
  return classes;
}

/** Gorodkin's statistic for several classes, from the sums of the confusion matrix alone. */
function matthews(classes: readonly ClassCounts[], n: number): number {
  let [correct, both, actual, predicted] = [0, 0, 0, 0];
  for (const each of classes) {
    correct += each.correct;
    both += each.actual * each.predicted;
    actual += each.actual ** 2;
    predicted += each.predicted ** 2;
  }
  return quotient(correct * n - both, Math.sqrt((n * n - actual) * (n * n - predicted)));
}

function largest(...all: readonly ArrayLike<number>[]): number {
  let max = -1;
  for (const labels of all) for (let index = 0; index < labels.length; index++) max = Math.max(max, labels[index]!);
  return max;
}
