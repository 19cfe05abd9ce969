/**
 * @file The embedding block of BERT: word, position and segment, then layer norm. No scaling by sqrt(D): that belongs to the
 * encoder-decoder Transformer.
 *
 * Dimensions: T packed tokens, V vocabulary, P positions, D hidden size.
 */
import { add, gatherRows, type Tensor } from "@stagecoach/graph";
import { layerNorm, type NormParameters } from "./layerNorm.ts";
import { learnedPositions } from "./positionalEncoding.ts";

export type EmbeddingParameters = {
  readonly word_VD: Tensor;
  readonly position_PD: Tensor;
  /** Segment table; families without segments have none. */
  readonly tokenType_KD?: Tensor;
  readonly norm: NormParameters;
};

export type EmbeddingInputs = {
  readonly inputIds_T: Tensor;
  readonly positionIds_T: Tensor;
  readonly tokenTypeIds_T?: Tensor;
};

/** @returns `[T, D]` */
export function embeddings(inputs: EmbeddingInputs, parameters: EmbeddingParameters, epsilon: number): Tensor {
  const word_TD = gatherRows(parameters.word_VD, inputs.inputIds_T);
  const segmented_TD =
    parameters.tokenType_KD === undefined || inputs.tokenTypeIds_T === undefined
      ? word_TD
      : add(word_TD, gatherRows(parameters.tokenType_KD, inputs.tokenTypeIds_T));
  return layerNorm(
    add(segmented_TD, learnedPositions(parameters.position_PD, inputs.positionIds_T)),
    parameters.norm,
    epsilon,
  );
}
