/** @file Metrics of sequence classification with one label per text. */
import { binaryScores, classificationScores, confusionMatrix } from "../classificationScores.ts";
import { rocAuc } from "../rocAuc.ts";
import type { Evaluation, MetricAccumulator, Prediction } from "./accumulator.ts";
import { ClassTally } from "./classTally.ts";
import { logProbability, rowsOf, targetOf } from "./rows.ts";

/** Beyond this many classes a confusion matrix is left out. */
export const MAX_CONFUSION_CLASSES = 100;

export type ClassMetricOptions = {
  /** Names of the C classes. */
  readonly labels: readonly string[];
  readonly classWeights?: readonly number[];
};

/** accuracy, precision, recall and F1 (macro), F1 (weighted), mcc; for two classes also those of class 1, and roc_auc. */
export function classMetrics({ labels, classWeights }: ClassMetricOptions): MetricAccumulator {
  const tally = new ClassTally(classWeights);
  const predictions: Prediction[] = [];
  const positive: number[] = [];
  return {
    primary: "accuracy",
    add(evaluated, outputs) {
      const logits = rowsOf(outputs, "logits", evaluated.examples.length);
      const targets = targetOf(evaluated, "labels");
      for (let text = 0; text < logits.numRows; text++) {
        const target = targets[text]!;
        const { predicted, probability } = tally.add(logits, text, target);
        predictions.push({ kind: "label", example: evaluated.examples[text]!, target, predicted, probability });
        if (labels.length === 2) positive.push(logProbability(logits, text, 1));
      }
    },
    finish() {
      return {
        ...labelEvaluation(tally, labels, binaryMetrics(tally, labels.length, positive)),
        predictions,
        ...(labels.length <= MAX_CONFUSION_CLASSES && {
          confusion: confusionMatrix(tally.targets, tally.predictions, labels.length),
        }),
      };
    },
  };
}

/** The evaluation of one label per row, without predictions. */
export function labelEvaluation(
  tally: ClassTally,
  labels: readonly string[],
  others: Evaluation["metrics"] = {},
): Evaluation {
  const scores = classificationScores(tally.targets, tally.predictions, labels.length);
  return {
    loss: tally.loss,
    primary: "accuracy",
    metrics: {
      loss: tally.loss,
      accuracy: scores.accuracy,
      f1_macro: scores.macro.f1,
      f1_weighted: scores.weighted.f1,
      precision_macro: scores.macro.precision,
      recall_macro: scores.macro.recall,
      mcc: scores.mcc,
      ...others,
    },
    predictions: [],
    classes: scores.perClass.map(({ label, ...each }) => ({ ...each, label: labels[label]! })),
  };
}

function binaryMetrics(tally: ClassTally, numClasses: number, positive: readonly number[]): Evaluation["metrics"] {
  if (numClasses !== 2) return {};
  return { ...binaryScores(tally.targets, tally.predictions), roc_auc: rocAuc(tally.targets, positive) };
}
