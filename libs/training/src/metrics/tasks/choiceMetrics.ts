/** @file Metrics of multiple choice. */
import type { MetricAccumulator, Prediction } from "./accumulator.ts";
import { ClassTally } from "./classTally.ts";
import { RunningMean } from "../runningMean.ts";
import { rowsOf, targetOf } from "./rows.ts";

/** accuracy. */
export function choiceMetrics(): MetricAccumulator {
  const tally = new ClassTally();
  const accuracy = new RunningMean();
  const predictions: Prediction[] = [];
  return {
    primary: "accuracy",
    add(evaluated, outputs) {
      const targets = targetOf(evaluated, "labels");
      const logits = rowsOf(outputs, "logits", evaluated.examples.length);
      for (let question = 0; question < logits.numRows; question++) {
        const target = targets[question]!;
        const example = evaluated.examples[question]!;
        const { predicted, probability } = tally.add(logits, question, target);
        accuracy.add(predicted === target ? 1 : 0);
        predictions.push({ kind: "label", example, target, predicted, probability });
      }
    },
    finish() {
      const { loss } = tally;
      return { loss, primary: "accuracy", metrics: { loss, accuracy: accuracy.value }, predictions };
    },
  };
}
