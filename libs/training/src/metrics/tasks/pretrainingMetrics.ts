/** @file Metrics of BERT's pre-training: masked tokens and next sentences. */
import type { MetricAccumulator } from "./accumulator.ts";
import { maskedTokenMetrics } from "./maskedTokenMetrics.ts";
import { nextSentenceMetrics } from "./nextSentenceMetrics.ts";

/** The loss is the sum of both; perplexity is that of the masked tokens. */
export function pretrainingMetrics(): MetricAccumulator {
  const tokens = maskedTokenMetrics();
  const sentences = nextSentenceMetrics();
  return {
    primary: "loss",
    add(evaluated, outputs) {
      tokens.add(evaluated, outputs);
      sentences.add(evaluated, outputs);
    },
    finish() {
      const [masked, next] = [tokens.finish(), sentences.finish()];
      const loss = masked.loss === null || next.loss === null ? null : masked.loss + next.loss;
      return {
        loss,
        primary: "loss",
        metrics: {
          loss,
          masked_lm_loss: masked.loss,
          masked_lm_accuracy: masked.metrics.accuracy ?? null,
          perplexity: masked.metrics.perplexity ?? null,
          next_sentence_loss: next.loss,
          next_sentence_accuracy: next.metrics.accuracy ?? null,
        },
        predictions: next.predictions,
      };
    },
  };
}
