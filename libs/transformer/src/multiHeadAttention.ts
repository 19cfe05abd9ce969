/**
 * @file Multi-head self-attention over packed tokens: Vaswani et al. 2017, section 3.2.
 *
 * Queries, keys and values are computed on packed rows; only the scores need texts side by side. Padding gets the lowest
 * float32 as its score, so its weight is exactly 0.
 *
 * Dimensions: T packed tokens, B batch, L query length, S key length (= L), D hidden size, N heads, H head size.
 */
import {
  add,
  greater,
  greaterEqual,
  LOWEST,
  matMul,
  mul,
  pack,
  reshape,
  softmax,
  transpose,
  unpack,
  where,
  type Tensor,
} from "@stagecoach/graph";
import { dropout } from "./dropout.ts";
import { linear, type LinearParameters } from "./linear.ts";
import type { PackingIndices } from "./packing.ts";

export type AttentionParameters = {
  readonly query: LinearParameters;
  readonly key: LinearParameters;
  readonly value: LinearParameters;
  readonly output: LinearParameters;
};

export type AttentionOptions = {
  readonly numHeads: number;
  readonly headSize: number;
  readonly packing: PackingIndices;
  /** Added to the scaled scores before softmax: MPNet's relative position bias, `[1, N, L, S]`. */
  readonly bias_1NLS?: Tensor;
  /** Training only: 0 or 1/(1-p) for each weight. */
  readonly dropoutMask_BNLS?: Tensor;
  /** Is given the softmax probabilities, before dropout: where they are wanted as an output. */
  readonly onProbabilities?: ((probabilities_BNLS: Tensor) => void) | undefined;
};

/**
 * `output(concat over heads of softmax(Q K^T / sqrt(H)) V)`
 *
 * @param x_TD - activations
 * @returns `[T, D]`
 */
export function multiHeadAttention(x_TD: Tensor, parameters: AttentionParameters, options: AttentionOptions): Tensor {
  const { numHeads: N, headSize: H, packing, bias_1NLS, dropoutMask_BNLS, onProbabilities } = options;
  const [T, D] = [x_TD.shape[0]!, N * H];
  const [B, L] = [packing.unpackIndex_BL.shape[0]!, packing.unpackIndex_BL.shape[1]!];
  const heads = (projection: LinearParameters) => {
    const projected_TNH = reshape(linear(x_TD, projection), [T, N, H]);
    return transpose(unpack(projected_TNH, packing.unpackIndex_BL, packing.packIndex_T), [0, 2, 1, 3]); // [B, N, L, H]
  };
  const scaled_BNLS = mul(
    matMul(heads(parameters.query), heads(parameters.key), { transposeB: true }),
    1 / Math.sqrt(H),
  );
  const scores_BNLS = bias_1NLS === undefined ? scaled_BNLS : add(scaled_BNLS, bias_1NLS);
  const isReal_B11S = reshape(isKey(packing), [B, 1, 1, L]);
  const probabilities_BNLS = softmax(where(isReal_B11S, scores_BNLS, LOWEST));
  onProbabilities?.(probabilities_BNLS);
  const weights_BNLS = dropout(probabilities_BNLS, dropoutMask_BNLS);
  const context_BLNH = transpose(matMul(weights_BNLS, heads(parameters.value)), [0, 2, 1, 3]);
  const context_TD = reshape(pack(context_BLNH, packing.unpackIndex_BL, packing.packIndex_T), [T, D]);
  return linear(context_TD, parameters.output);
}

/** Which places may be attended to. */
function isKey({ unpackIndex_BL, keyMask_BL }: PackingIndices): Tensor {
  return keyMask_BL === undefined ? greaterEqual(unpackIndex_BL, 0) : greater(keyMask_BL, 0);
}
