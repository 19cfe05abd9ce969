/**
 * @file Records of parameters for the layers of a model, under their Hugging Face names.
 *
 * Names are those of the base model (`encoder.layer.3.output.dense.weight`) whatever the checkpoint puts before them, and
 * layer numbers are global, also inside a stage.
 *
 * Dimensions: V vocabulary, P positions, K segments, D hidden size, F feed-forward size, N heads.
 */
import { parameter } from "@stagecoach/graph";
import type { AdapterDropout } from "./dropout.ts";
import type { EmbeddingParameters } from "./embeddings.ts";
import type { LayerParameters } from "./encoderLayer.ts";
import type { EncoderModel } from "./encoderModel.ts";
import type { NormParameters } from "./layerNorm.ts";
import type { LinearParameters } from "./linear.ts";
import { adapterOf } from "./lora.ts";

export function linearParameters(name: string, inputs: number, outputs: number): LinearParameters {
  return { weight_OI: parameter(`${name}.weight`, [outputs, inputs]), bias_O: parameter(`${name}.bias`, [outputs]) };
}

export function normParameters(name: string, size: number): NormParameters {
  return { weight_D: parameter(`${name}.weight`, [size]), bias_D: parameter(`${name}.bias`, [size]) };
}

export function embeddingParameters({ family, config }: EncoderModel): EmbeddingParameters {
  const { hiddenSize: D, vocabSize: V, maxPositions: P, typeVocabSize: K } = config;
  const { word, position, tokenType, norm } = family.embeddingNames;
  return {
    word_VD: parameter(`${word}.weight`, [V, D]),
    position_PD: parameter(`${position}.weight`, [P, D]),
    ...(tokenType === null || K === 0 ? {} : { tokenType_KD: parameter(`${tokenType}.weight`, [K, D]) }),
    norm: normParameters(norm, D),
  };
}

/** @param layer - its number in the whole model @param dropout - of what adapters read, in training */
export function layerParameters(
  { family, config, lora }: EncoderModel,
  layer: number,
  dropout: AdapterDropout = () => undefined,
): LayerParameters {
  const { hiddenSize: D, intermediateSize: F } = config;
  const names = family.layerNames(layer);
  const adapted = (module: string, numInputs: number, numOutputs: number): LinearParameters => ({
    ...linearParameters(module, numInputs, numOutputs),
    adapter: adapterOf(lora, { module, numInputs, numOutputs, mask_TI: dropout(module, numInputs) }),
  });
  return {
    attention: {
      query: adapted(names.query, D, D),
      key: adapted(names.key, D, D),
      value: adapted(names.value, D, D),
      output: adapted(names.attentionOutput, D, D),
    },
    attentionNorm: normParameters(names.attentionNorm, D),
    feedForward: { up: adapted(names.up, D, F), down: adapted(names.down, F, D) },
    outputNorm: normParameters(names.outputNorm, D),
  };
}
