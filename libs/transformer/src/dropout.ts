/**
 * @file Dropout with masks that are made outside of the graph (Srivastava et al. 2014, in the inverted form of PyTorch).
 *
 * A mask holds 0 where a value is dropped and `1 / (1 - p)` where it is kept, so that a graph has no random numbers in it
 * and a step can be repeated bit by bit. Without a mask nothing is recorded.
 *
 * Dimensions: T packed tokens, B batch, L query length, S key length, D hidden size, N heads.
 */
import { mul, type Tensor } from "@stagecoach/graph";

/** `x * mask`, or `x` itself without a mask. */
export function dropout(x: Tensor, mask: Tensor | undefined): Tensor {
  return mask === undefined ? x : mul(x, mask);
}

/** The mask for the adapter of the linear layer `module`. */
export type AdapterDropout = (module: string, numInputs: number) => Tensor | undefined;

/** Masks inside one encoder layer. */
export type LayerDropout = {
  /** After softmax. */
  readonly attentionProbs_BNLS?: Tensor;
  /** After the projection of attention, before the residual. */
  readonly attentionOutput_TD?: Tensor;
  /** After the feed-forward network, before the residual. */
  readonly output_TD?: Tensor;
  /** Of what the adapter of a linear layer reads, `[T, inputs]`; the layer itself reads all. */
  readonly adapterInput?: AdapterDropout;
};

/** Masks of an encoder. */
export type EncoderDropout = {
  /** After the layer norm of the embeddings. */
  readonly embeddings_TD?: Tensor;
  /** @param layer - its number in the whole model */
  readonly ofLayer: (layer: number) => LayerDropout;
};
