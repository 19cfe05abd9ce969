/**
 * @file Loss of extractive question answering: where the answer starts and ends are two classifications over the places of
 * a text. Padding takes no part, so the loss of a text does not depend on its batch (transformers counts padding in).
 *
 * Dimensions: T packed tokens, B texts, L longest text.
 */
import {
  add,
  gatherRows,
  greaterEqual,
  logSoftmax,
  LOWEST,
  mul,
  pack,
  reshape,
  slice,
  transpose,
  unpack,
  where,
  type Tensor,
} from "@stagecoach/graph";
import type { PackingIndices } from "../../packing.ts";

export type Span = {
  /** int32: place of the first token of the answer within its text. */
  readonly start_B: Tensor;
  /** int32: place of the last token. */
  readonly end_B: Tensor;
};

/**
 * `-(log softmax(start logits)[start] + log softmax(end logits)[end]) / 2` for each text.
 * @param logits_T2 - start, end
 * @returns `[B]`
 */
export function spanLoss(logits_T2: Tensor, { start_B, end_B }: Span, packing: PackingIndices): Tensor {
  const { unpackIndex_BL, packIndex_T, firstIndex_B } = packing;
  const [B, L] = [unpackIndex_BL.shape[0]!, unpackIndex_BL.shape[1]!];
  const isReal_B1L = reshape(greaterEqual(unpackIndex_BL, 0), [B, 1, L]);
  const logits_B2L = transpose(unpack(logits_T2, unpackIndex_BL, packIndex_T), [0, 2, 1]);
  const logProbs_B2L = logSoftmax(where(isReal_B1L, logits_B2L, LOWEST));
  const logProbs_T2 = pack(transpose(logProbs_B2L, [0, 2, 1]), unpackIndex_BL, packIndex_T);
  const at = (place_B: Tensor, column: number) => {
    const row_B2 = gatherRows(logProbs_T2, add(firstIndex_B, place_B));
    return reshape(slice(row_B2, { axis: 1, start: column, end: column + 1 }), [B]);
  };
  return mul(add(at(start_B, 0), at(end_B, 1)), -0.5);
}
