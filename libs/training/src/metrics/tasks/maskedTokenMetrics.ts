/** @file Metrics of masked-token prediction. */
import { perplexity } from "../perplexity.ts";
import type { MetricAccumulator } from "./accumulator.ts";
import { RunningMean } from "../runningMean.ts";
import { rowsOf, targetOf } from "./rows.ts";

/** perplexity, and accuracy over masked tokens. The graph gives loss and hit of each token: logits would be [M, V]. */
export function maskedTokenMetrics(): MetricAccumulator {
  const loss = new RunningMean();
  const accuracy = new RunningMean();
  return {
    primary: "loss",
    add(evaluated, outputs) {
      const numMasked = targetOf(evaluated, "masked_labels").length;
      if (numMasked === 0) return;
      const losses = rowsOf(outputs, "masked_lm_loss", numMasked).data;
      const hits = rowsOf(outputs, "masked_lm_correct", numMasked).data;
      for (let token = 0; token < numMasked; token++) {
        loss.add(losses[token]!);
        accuracy.add(hits[token]!);
      }
    },
    finish: () => ({
      loss: loss.value,
      primary: "loss",
      metrics: { loss: loss.value, perplexity: perplexity(loss.value), accuracy: accuracy.value },
      predictions: [],
    }),
  };
}
