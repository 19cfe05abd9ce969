/** @file Metrics of next-sentence prediction. */
import type { MetricAccumulator, Prediction } from "./accumulator.ts";
import { RunningMean } from "../runningMean.ts";
import { rowsOf, targetOf } from "./rows.ts";
import { ClassTally } from "./classTally.ts";

/** accuracy. Class 0: the second text follows the first; 1: it is a random one. */
export function nextSentenceMetrics(): MetricAccumulator {
  const tally = new ClassTally();
  const accuracy = new RunningMean();
  const predictions: Prediction[] = [];
  return {
    primary: "accuracy",
    add(evaluated, outputs) {
      const logits = rowsOf(outputs, "next_sentence_logits", evaluated.examples.length);
      const targets = targetOf(evaluated, "next_sentence_labels");
      for (let text = 0; text < logits.numRows; text++) {
        const target = targets[text]!;
        const { predicted, probability } = tally.add(logits, text, target);
        accuracy.add(predicted === target ? 1 : 0);
        predictions.push({ kind: "label", example: evaluated.examples[text]!, target, predicted, probability });
      }
    },
    finish() {
      const { loss } = tally;
      return { loss, primary: "accuracy", metrics: { loss, accuracy: accuracy.value }, predictions };
    },
  };
}
