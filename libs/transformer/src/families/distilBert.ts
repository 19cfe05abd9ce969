/** @file DistilBERT (Sanh et al. 2019): BERT without segments and pooler, under names of its own. */
import { activationNames } from "../activation.ts";
import { headSizeOf } from "../config.ts";
import { headWeights, type Family } from "./family.ts";

/** transformers' DistilBERT has this value in its code, not in its config. */
const LAYER_NORM_EPSILON = 1e-12;

export const distilBert: Family = {
  modelTypes: ["distilbert"],
  prefix: "distilbert.",
  readConfig(fields) {
    const hiddenSize = fields.count("dim");
    const numHeads = fields.count("n_heads");
    const maxPositions = fields.count("max_position_embeddings");
    return {
      modelType: fields.text("model_type"),
      vocabSize: fields.count("vocab_size"),
      hiddenSize,
      numLayers: fields.count("n_layers"),
      numHeads,
      headSize: headSizeOf(hiddenSize, numHeads),
      intermediateSize: fields.count("hidden_dim"),
      maxPositions,
      maxLength: maxPositions,
      typeVocabSize: 0,
      layerNormEpsilon: LAYER_NORM_EPSILON,
      activation: fields.choice("activation", activationNames, "gelu"),
      padTokenId: fields.count("pad_token_id", { fallback: 0, minimum: 0 }),
      relativeAttentionBuckets: 0,
    };
  },
  positions: () => ({ kind: "count" }),
  embeddingNames: {
    word: "embeddings.word_embeddings",
    position: "embeddings.position_embeddings",
    tokenType: null,
    norm: "embeddings.LayerNorm",
  },
  layerNames(layer) {
    const at = `transformer.layer.${layer}`;
    return {
      query: `${at}.attention.q_lin`,
      key: `${at}.attention.k_lin`,
      value: `${at}.attention.v_lin`,
      attentionOutput: `${at}.attention.out_lin`,
      attentionNorm: `${at}.sa_layer_norm`,
      up: `${at}.ffn.lin1`,
      down: `${at}.ffn.lin2`,
      outputNorm: `${at}.output_layer_norm`,
    };
  },
  poolerName: null,
  relativeBiasName: null,
  unused: [...headWeights, /^(pre_classifier|vocab_transform|vocab_layer_norm|vocab_projector)\./],
};
