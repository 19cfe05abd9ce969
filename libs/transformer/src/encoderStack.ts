/**
 * @file The encoder layers of one stage, with the embeddings before them on the first stage: what serving and training have
 * in common.
 *
 * Scopes mark the layers, so that fusion stays inside them and any split gives the same bytes.
 *
 * Dimensions: T packed tokens, D hidden size.
 */
import { input, parameter, withScope, type Tensor } from "@stagecoach/graph";
import { dropout as dropped, type EncoderDropout } from "./dropout.ts";
import { embeddings } from "./embeddings.ts";
import { encoderLayer } from "./encoderLayer.ts";
import type { EncoderModel } from "./encoderModel.ts";
import type { PackingIndices } from "./packing.ts";
import { embeddingParameters, layerParameters } from "./parameters.ts";
import { relativePositionBias } from "./relativePositionBias.ts";

/** Encoder layers `[start, end)` of the whole model; numbers stay global inside a stage. */
export type LayerRange = { readonly start: number; readonly end: number };

export type EncoderStackOptions = {
  readonly packing: PackingIndices;
  readonly dropout?: EncoderDropout;
  /** Is given the softmax probabilities of each layer of the range, `[B, N, L, S]`. */
  readonly onProbabilities?: (layer: number, probabilities_BNLS: Tensor) => void;
  /**
   * Told of each hidden state when it is traced, before the next one: 0 is what the embeddings give, k what layer k - 1 does. What is made of it
   * here has its gradient added after that of the next layer, as at the end of a stage.
   */
  readonly onState?: (state: number, hidden_TD: Tensor) => void;
};

export type EncoderStack = {
  /** The input `hidden` of stages after the first. */
  readonly input_TD: Tensor | null;
  /** What the last layer of the range gives. */
  readonly hidden_TD: Tensor;
};

/**
 * Inputs: `input_ids`, `position_ids`, `token_type_ids` on the first stage, `hidden` `[T, D]` on others;
 * `relative_position_buckets` for MPNet.
 */
export function encoderStack(
  model: EncoderModel,
  layers: LayerRange,
  { packing, dropout, onProbabilities, onState }: EncoderStackOptions,
): EncoderStack {
  const { config, family } = model;
  const bias_1NLS =
    family.relativeBiasName === null ? undefined : withScope("relative_position", () => positionBias(model));
  const input_TD = layers.start === 0 ? null : input("hidden", ["T", config.hiddenSize], "float32");

  let hidden_TD = input_TD ?? withScope("embeddings", () => dropped(embeddingBlock(model), dropout?.embeddings_TD));
  if (input_TD === null) onState?.(0, hidden_TD);
  for (let layer = layers.start; layer < layers.end; layer++) {
    const before_TD = hidden_TD;
    const masks = dropout?.ofLayer(layer);
    hidden_TD = withScope(`layer.${layer}`, () =>
      encoderLayer(before_TD, layerParameters(model, layer, masks?.adapterInput), {
        config,
        packing,
        bias_1NLS,
        dropout: masks,
        onProbabilities: onProbabilities && ((probabilities) => onProbabilities(layer, probabilities)),
      }),
    );
    onState?.(layer + 1, hidden_TD);
  }
  return { input_TD, hidden_TD };
}

function embeddingBlock(model: EncoderModel): Tensor {
  const parameters = embeddingParameters(model);
  const ids = (name: string) => input(name, ["T"], "int32");
  const inputs = {
    inputIds_T: ids("input_ids"),
    positionIds_T: ids("position_ids"),
    ...(parameters.tokenType_KD === undefined ? {} : { tokenTypeIds_T: ids("token_type_ids") }),
  };
  return embeddings(inputs, parameters, model.config.layerNormEpsilon);
}

function positionBias({ config, family }: EncoderModel): Tensor {
  const table_KN = parameter(`${family.relativeBiasName}.weight`, [config.relativeAttentionBuckets, config.numHeads]);
  return relativePositionBias(table_KN, input("relative_position_buckets", ["L", "L"], "int32"));
}
