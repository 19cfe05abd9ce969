/** @file Into how many micro-batches a step is cut: as many as were asked for, or as its lengths make it cheapest. */
import { cutByLength, type RunCost } from "@stagecoach/parallel";
import type { MicroBatchRule } from "@stagecoach/training";
import type { EncoderConfig } from "@stagecoach/transformer";
import type { ResolvedHyperparameters } from "./resolveHyperparameters.ts";

/**
 * One more micro-batch adds up all gradients once more, one less pads attention to longer texts. In pairs of tokens that attention
 * sees, a micro-batch costs this for each weight of a layer, over the heads: 45,000 for all-MiniLM-L6-v2, by its steps in one, two
 * and three micro-batches on two cores.
 */
const PAIRS_PER_WEIGHT_OF_HEAD = 0.3;

type Sizes = Pick<EncoderConfig, "hiddenSize" | "intermediateSize" | "numHeads">;

/** @param maxTokens - of a micro-batch, where nobody says into how many a step is cut */
export function microBatchRule(
  { hiddenSize, intermediateSize, numHeads }: Sizes,
  {
    micro_batches: count,
    gradient_accumulation_steps: accumulation,
    cache_features: isCached = false,
  }: Pick<ResolvedHyperparameters, "micro_batches" | "gradient_accumulation_steps" | "cache_features">,
  maxTokens: number,
): MicroBatchRule {
  if (count !== "by-length") return { count: count * accumulation };
  // A head alone pads nothing.
  if (isCached) return { count: accumulation };
  const weightsOfLayer = 4 * hiddenSize ** 2 + 2 * hiddenSize * intermediateSize;
  const fixed = (PAIRS_PER_WEIGHT_OF_HEAD * weightsOfLayer) / numHeads;
  const cost: RunCost = { fixed, token: 0, padded: 0, attention: 1 };
  return { cut: (lengths) => cutByLength(lengths, cost, maxTokens) };
}
