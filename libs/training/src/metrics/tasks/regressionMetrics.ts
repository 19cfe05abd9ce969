/** @file Metrics of regression: one or more values per text. */
import { pearson, spearman } from "../correlation.ts";
import { regressionErrors } from "../regressionErrors.ts";
import type { MetricAccumulator, Prediction } from "./accumulator.ts";
import { rowsOf, targetOf } from "./rows.ts";

/**
 * mse (which is the loss), mae, r2, pearson, spearman. For several values per text the correlations and r2 are means over
 * values, null when one of them is.
 *
 * @param numValues - per text
 */
export function regressionMetrics(numValues: number): MetricAccumulator {
  const targets: number[][] = Array.from({ length: numValues }, () => []);
  const predicted: number[][] = Array.from({ length: numValues }, () => []);
  const predictions: Prediction[] = [];
  const meanOver = (score: (targets: number[], predicted: number[]) => number | null) => {
    const scores = targets.map((column, value) => score(column, predicted[value]!));
    return scores.some((each) => each === null)
      ? null
      : scores.reduce<number>((sum, each) => sum + each!, 0) / numValues;
  };
  return {
    primary: "mse",
    add(evaluated, outputs) {
      const logits = rowsOf(outputs, "logits", evaluated.examples.length);
      const labels = targetOf(evaluated, "labels");
      for (let text = 0; text < logits.numRows; text++) {
        const own = { target: [] as number[], predicted: [] as number[] };
        for (let value = 0; value < numValues; value++) {
          own.target.push(labels[text * numValues + value]!);
          own.predicted.push(logits.data[text * numValues + value]!);
          targets[value]!.push(own.target[value]!);
          predicted[value]!.push(own.predicted[value]!);
        }
        predictions.push({ kind: "values", example: evaluated.examples[text]!, ...own });
      }
    },
    finish() {
      const mse = meanOver((...columns) => regressionErrors(...columns).mse);
      return {
        loss: mse,
        primary: "mse",
        metrics: {
          loss: mse,
          mse,
          mae: meanOver((...columns) => regressionErrors(...columns).mae),
          r2: meanOver((...columns) => regressionErrors(...columns).r2),
          pearson: meanOver(pearson),
          spearman: meanOver(spearman),
        },
        predictions,
      };
    },
  };
}
