/** @file Metrics of multiple choice. */
import type { MetricAccumulator, Prediction } from "./accumulator.ts";
import { ClassTally } from "./classTally.ts";
import { RunningMean, rowsOf, targetOf } from "./rows.ts";

/** accuracy. A prediction's `textId` is that of the question's first choice. */
export function choiceMetrics(): MetricAccumulator {
  const tally = new ClassTally();
  const accuracy = new RunningMean();
  const predictions: Prediction[] = [];
  return {
    primary: "accuracy",
    add(batch, outputs) {
      const targets = targetOf(batch, "labels");
      const choices = targetOf(batch, "choice_index");
      const logits = rowsOf(outputs, "logits", targets.length);
      for (let question = 0; question < logits.numRows; question++) {
        const target = targets[question]!;
        const textId = batch.textIds[choices[question * logits.numColumns]!]!;
        const { predicted, probability } = tally.add(logits, question, target);
        accuracy.add(predicted === target ? 1 : 0);
        predictions.push({ kind: "label", textId, target, predicted, probability });
      }
    },
    finish() {
      const { loss } = tally;
      return { loss, primary: "accuracy", metrics: { loss, accuracy: accuracy.value }, predictions };
    },
  };
}
