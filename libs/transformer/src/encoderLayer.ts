/**
 * @file One encoder layer: self-attention and feed-forward, each with residual and layer norm after it (post-norm).
 *
 * Follows Devlin et al. 2018 and transformers' BertLayer.
 *
 * Dimensions: T packed tokens, D hidden size.
 */
import type { Tensor } from "@stagecoach/graph";
import type { EncoderConfig } from "./config.ts";
import { dropout as dropped, type LayerDropout } from "./dropout.ts";
import { feedForward, type FeedForwardParameters } from "./feedForward.ts";
import type { NormParameters } from "./layerNorm.ts";
import { multiHeadAttention, type AttentionOptions, type AttentionParameters } from "./multiHeadAttention.ts";
import type { PackingIndices } from "./packing.ts";
import { residualLayerNorm } from "./residualLayerNorm.ts";

export type LayerParameters = {
  readonly attention: AttentionParameters;
  readonly attentionNorm: NormParameters;
  readonly feedForward: FeedForwardParameters;
  readonly outputNorm: NormParameters;
};

/** What a layer is given besides its parameters. */
export type LayerContext = {
  readonly config: EncoderConfig;
  readonly packing: PackingIndices;
  readonly bias_1NLS?: Tensor;
  /** Training only. */
  readonly dropout?: LayerDropout;
  readonly onProbabilities?: AttentionOptions["onProbabilities"];
};

/** @returns `[T, D]` */
export function encoderLayer(
  x_TD: Tensor,
  parameters: LayerParameters,
  { config, packing, bias_1NLS, dropout = {}, onProbabilities }: LayerContext,
): Tensor {
  const { numHeads, headSize, activation, layerNormEpsilon: epsilon } = config;
  const attended_TD = multiHeadAttention(x_TD, parameters.attention, {
    numHeads,
    headSize,
    packing,
    bias_1NLS,
    dropoutMask_BNLS: dropout.attentionProbs_BNLS,
    onProbabilities,
  });
  const hidden_TD = residualLayerNorm(dropped(attended_TD, dropout.attentionOutput_TD), x_TD, {
    norm: parameters.attentionNorm,
    epsilon,
  });
  const expanded_TD = feedForward(hidden_TD, parameters.feedForward, activation);
  return residualLayerNorm(dropped(expanded_TD, dropout.output_TD), hidden_TD, {
    norm: parameters.outputNorm,
    epsilon,
  });
}
