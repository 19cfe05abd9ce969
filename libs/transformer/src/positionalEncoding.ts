/**
 * @file Positional encoding: what tells a token where it stands.
 *
 * Learned (Devlin et al. 2018: a table with a row per position) and sinusoidal (Vaswani et al. 2017, section 3.5).
 *
 * Dimensions: T packed tokens, P positions, D hidden size.
 */
import { gatherRows, type Tensor } from "@stagecoach/graph";
import { ModelConfigError } from "./errors.ts";

/**
 * Rows of a table.
 * @param table_PD - checkpoint `position_embeddings.weight`, which is where DistilBERT has its sinusoidal table too
 * @param positionIds_T - row of each token (packing.ts counts them as the family does)
 */
export function learnedPositions(table_PD: Tensor, positionIds_T: Tensor): Tensor {
  return gatherRows(table_PD, positionIds_T);
}

/**
 * `PE(p, 2i) = sin(p / 10000^(2i/D))`, `PE(p, 2i+1) = cos(p / 10000^(2i/D))`
 *
 * A table for `learnedPositions`, of models that are built without a checkpoint. Computed in float64 and rounded once.
 * @returns row-major `[P, D]`
 * @throws ModelConfigError for an odd hidden size: sine and cosine come in pairs
 */
export function sinusoidalTable({
  numPositions,
  hiddenSize,
}: {
  readonly numPositions: number;
  readonly hiddenSize: number;
}): Float32Array {
  if (hiddenSize % 2 !== 0) {
    throw new ModelConfigError(
      `sinusoidal positions: expected an even hidden size, got ${hiddenSize} (sine and cosine come in pairs)`,
    );
  }
  const table = new Float32Array(numPositions * hiddenSize);
  for (let position = 0; position < numPositions; position++) {
    for (let i = 0; i < hiddenSize; i += 2) {
      const angle = position / 10000 ** (i / hiddenSize);
      table[position * hiddenSize + i] = Math.sin(angle);
      table[position * hiddenSize + i + 1] = Math.cos(angle);
    }
  }
  return table;
}
