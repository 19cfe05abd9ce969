/**
 * @file From token vectors to one vector per text, as sentence-transformers' Pooling does.
 *
 * Dimensions: T packed tokens, B batch, L longest text, D hidden size.
 */
import {
  cast,
  concat,
  div,
  gatherRows,
  greaterEqual,
  LOWEST,
  max,
  reshape,
  sum,
  unpack,
  where,
  type Tensor,
} from "@stagecoach/graph";
import type { PackingIndices } from "./packing.ts";

export const poolingModes = ["cls", "max", "mean", "lasttoken"] as const;

/**
 * `cls`: the first token · `max`: the largest value of each dimension · `mean`: the mean over tokens · `lasttoken`: the last
 * token. Special tokens count as tokens.
 */
export type PoolingMode = (typeof poolingModes)[number];

/**
 * @param modes - several are put one after another, in the order in which they are given
 * @returns `[B, D * modes]`
 */
export function pool(hidden_TD: Tensor, modes: readonly PoolingMode[], packing: PackingIndices): Tensor {
  return concat(
    modes.map((mode) => poolers[mode](hidden_TD, packing)),
    1,
  );
}

const poolers: Readonly<Record<PoolingMode, (hidden_TD: Tensor, packing: PackingIndices) => Tensor>> = {
  cls: (hidden_TD, { firstIndex_B }) => gatherRows(hidden_TD, firstIndex_B),
  lasttoken: (hidden_TD, { lastIndex_B }) => gatherRows(hidden_TD, lastIndex_B),

  max(hidden_TD, packing) {
    const { unpackIndex_BL, packIndex_T } = packing;
    const [B, L] = [unpackIndex_BL.shape[0]!, unpackIndex_BL.shape[1]!];
    const isReal_BL1 = reshape(greaterEqual(unpackIndex_BL, 0), [B, L, 1]);
    return max(where(isReal_BL1, unpack(hidden_TD, unpackIndex_BL, packIndex_T), LOWEST), { axis: 1 });
  },

  mean(hidden_TD, { unpackIndex_BL, packIndex_T }) {
    const total_BD = sum(unpack(hidden_TD, unpackIndex_BL, packIndex_T), { axis: 1 });
    const length_B1 = sum(cast(greaterEqual(unpackIndex_BL, 0), "float32"), { axis: 1, keepDims: true });
    return div(total_BD, length_B1);
  },
};
