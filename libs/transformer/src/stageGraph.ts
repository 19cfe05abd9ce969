/**
 * @file The graph of one stage: a contiguous range of a model's layers, with the embeddings on the first stage and the
 * sentence modules on the last.
 *
 * The math of a layer does not know that the model is split. Scopes mark the layers, so that fusion stays inside them and
 * any split gives the same bytes.
 *
 * Dimensions: T packed tokens, B batch, D hidden size, E size of the sentence vector.
 */
import { add, graphOf, input, matMul, parameter, tanh, withScope, type Graph, type Tensor } from "@stagecoach/graph";
import { embeddings } from "./embeddings.ts";
import { encoderLayer } from "./encoderLayer.ts";
import type { EncoderModel } from "./encoderModel.ts";
import { normalize } from "./normalization.ts";
import { packingInputs, type PackingIndices } from "./packing.ts";
import { embeddingParameters, layerParameters, linearParameters } from "./parameters.ts";
import { pooler } from "./pooler.ts";
import { pool } from "./pooling.ts";
import { relativePositionBias } from "./relativePositionBias.ts";
import type { DenseModule } from "./sentenceModules.ts";

/** Encoder layers `[start, end)` of the whole model; numbers stay global inside a stage. */
export type LayerRange = { readonly start: number; readonly end: number };

export type StageGraphOptions = {
  /** Also give `pooler_output` on the last stage; the checkpoint must have the pooler. */
  readonly withPooler?: boolean;
  /** Apply unit length if that is the last of the model's modules. The server leaves it to the request (`normalize`). */
  readonly withNormalize?: boolean;
};

/**
 * Inputs: `input_ids`, `position_ids`, `token_type_ids` on the first stage, `hidden` `[T, D]` on others; the packing
 * indices (packing.ts); `relative_position_buckets` for MPNet.
 *
 * Outputs: `last_hidden_state` `[T, D]`, the last one of this stage; on the last stage also `sentence_embedding` `[B, E]`, and `pooler_output` if asked for.
 */
export function stageGraph(model: EncoderModel, layers: LayerRange, options: StageGraphOptions = {}): Graph {
  const { config, family } = model;
  const packing = packingInputs();
  const hasBias = family.relativeBiasName !== null;
  const bias_1NLS = hasBias ? withScope("relative_position", () => positionBias(model)) : undefined;

  let hidden_TD =
    layers.start === 0
      ? withScope("embeddings", () => embeddingBlock(model))
      : input("hidden", ["T", config.hiddenSize], "float32");
  for (let layer = layers.start; layer < layers.end; layer++) {
    const before_TD = hidden_TD;
    hidden_TD = withScope(`layer.${layer}`, () =>
      encoderLayer(before_TD, layerParameters(model, layer), { config, packing, bias_1NLS }),
    );
  }
  const outputs: Record<string, Tensor> = { last_hidden_state: hidden_TD };
  if (layers.end === config.numLayers) {
    outputs["sentence_embedding"] = withScope("sentence", () =>
      sentenceEmbedding(model, hidden_TD, { packing, ...options }),
    );
    if (options.withPooler === true && family.poolerName !== null) {
      const dense = linearParameters(family.poolerName, config.hiddenSize, config.hiddenSize);
      outputs["pooler_output"] = withScope("pooler", () => pooler(hidden_TD, dense, packing));
    }
  }
  return graphOf(outputs);
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

function sentenceEmbedding(
  { modules }: EncoderModel,
  hidden_TD: Tensor,
  { packing, withNormalize = false }: StageGraphOptions & { readonly packing: PackingIndices },
): Tensor {
  const transforms =
    withNormalize || modules.transforms.at(-1) !== "normalize" ? modules.transforms : modules.transforms.slice(0, -1);
  return transforms.reduce<Tensor>(
    (vector, transform) => (transform === "normalize" ? normalize(vector) : denseModule(vector, transform)),
    pool(hidden_TD, modules.pooling, packing),
  );
}

/** Parameters of a dense module are named after its folder, since each has a checkpoint of its own: `2_Dense/linear.weight`. */
function denseModule(x_BD: Tensor, { path, inputSize, outputSize, hasBias, activation }: DenseModule): Tensor {
  const product = matMul(x_BD, parameter(`${path}/linear.weight`, [outputSize, inputSize]), { transposeB: true });
  const projected = hasBias ? add(product, parameter(`${path}/linear.bias`, [outputSize])) : product;
  return activation === "tanh" ? tanh(projected) : projected;
}
