/** @file BERT (Devlin et al. 2018), as transformers' BertModel. */
import { readBertLikeConfig, refuseSettings } from "../config.ts";
import { headWeights, type Family, type LayerNames } from "./family.ts";

/** Layer names that RoBERTa has taken over from BERT. */
export function bertLayerNames(layer: number): LayerNames {
  const at = `encoder.layer.${layer}`;
  return {
    query: `${at}.attention.self.query`,
    key: `${at}.attention.self.key`,
    value: `${at}.attention.self.value`,
    attentionOutput: `${at}.attention.output.dense`,
    attentionNorm: `${at}.attention.output.LayerNorm`,
    up: `${at}.intermediate.dense`,
    down: `${at}.output.dense`,
    outputNorm: `${at}.output.LayerNorm`,
  };
}

export const bertEmbeddingNames = {
  word: "embeddings.word_embeddings",
  position: "embeddings.position_embeddings",
  tokenType: "embeddings.token_type_embeddings",
  norm: "embeddings.LayerNorm",
} as const;

export const bert: Family = {
  modelTypes: ["bert"],
  prefix: "bert.",
  readConfig(fields) {
    refuseSettings(fields, {
      position_embedding_type: ["absolute"],
      is_decoder: [false],
      add_cross_attention: [false],
    });
    const config = readBertLikeConfig(fields, { typeVocabSize: 2, padTokenId: 0 });
    return { ...config, maxLength: config.maxPositions };
  },
  positions: () => ({ kind: "count" }),
  embeddingNames: bertEmbeddingNames,
  layerNames: bertLayerNames,
  poolerName: "pooler.dense",
  relativeBiasName: null,
  unused: [...headWeights, /^cls\./],
};
