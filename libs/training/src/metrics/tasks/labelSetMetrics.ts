/** @file Metrics of sequence classification with any number of labels per text. */
import { multiLabelScores } from "../multiLabelScores.ts";
import type { MetricAccumulator, Prediction } from "./accumulator.ts";
import { RunningMean } from "../runningMean.ts";
import { rowsOf, targetOf } from "./rows.ts";

export type LabelSetMetricOptions = {
  /** Names of the C labels. */
  readonly labels: readonly string[];
  /** A label is predicted when its probability (sigmoid of its logit) exceeds this. */
  readonly threshold: number;
};

/** f1_micro, f1_macro, f1_samples, subset_accuracy. The loss is torch.nn.BCEWithLogitsLoss. */
export function labelSetMetrics({ labels, threshold }: LabelSetMetricOptions): MetricAccumulator {
  const C = labels.length;
  const loss = new RunningMean();
  const all: { targets: number[]; predictions: number[] } = { targets: [], predictions: [] };
  const predictions: Prediction[] = [];
  const leastLogit = Math.log(threshold / (1 - threshold));
  return {
    primary: "f1_micro",
    add(evaluated, outputs) {
      const { data, numRows } = rowsOf(outputs, "logits", evaluated.examples.length);
      const targets = targetOf(evaluated, "labels");
      for (let text = 0; text < numRows; text++) {
        const own = { target: [] as number[], predicted: [] as number[] };
        for (let label = 0; label < C; label++) {
          const [logit, target] = [data[text * C + label]!, targets[text * C + label]!];
          loss.add(binaryCrossEntropy(logit, target));
          all.targets.push(target > 0.5 ? 1 : 0);
          all.predictions.push(logit > leastLogit ? 1 : 0);
          if (target > 0.5) own.target.push(label);
          if (logit > leastLogit) own.predicted.push(label);
        }
        predictions.push({ kind: "labels", example: evaluated.examples[text]!, ...own });
      }
    },
    finish() {
      const scores = multiLabelScores(all.targets, all.predictions, C);
      return {
        loss: loss.value,
        primary: "f1_micro",
        metrics: {
          loss: loss.value,
          f1_micro: scores.micro.f1,
          f1_macro: scores.macro.f1,
          f1_samples: scores.samples.f1,
          subset_accuracy: scores.subsetAccuracy,
        },
        predictions,
        classes: scores.perLabel.map((each, label) => ({ ...each, label: labels[label]! })),
      };
    },
  };
}

/** `max(x, 0) - x * y + log(1 + exp(-|x|))` */
function binaryCrossEntropy(logit: number, target: number): number {
  return Math.max(logit, 0) - logit * target + Math.log1p(Math.exp(-Math.abs(logit)));
}
