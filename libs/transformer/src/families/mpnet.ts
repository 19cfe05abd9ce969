/** @file MPNet (Song et al. 2020): no segments, fairseq's positions, and a relative position bias that all layers share. */
import { readBertLikeConfig } from "../config.ts";
import { headWeights, type Family } from "./family.ts";
import { lengthAfterPadding } from "./roberta.ts";

/** transformers' MPNet counts positions from here whatever its config says. */
const PADDING_INDEX = 1;

export const mpnet: Family = {
  modelTypes: ["mpnet"],
  prefix: "mpnet.",
  readConfig(fields) {
    const config = readBertLikeConfig(fields, { typeVocabSize: 0, padTokenId: PADDING_INDEX });
    return {
      ...config,
      typeVocabSize: 0,
      maxLength: lengthAfterPadding({ ...config, padTokenId: PADDING_INDEX }),
      relativeAttentionBuckets: fields.count("relative_attention_num_buckets", { fallback: 32, minimum: 4 }),
    };
  },
  positions: () => ({ kind: "after-padding", padTokenId: PADDING_INDEX }),
  embeddingNames: {
    word: "embeddings.word_embeddings",
    position: "embeddings.position_embeddings",
    tokenType: null,
    norm: "embeddings.LayerNorm",
  },
  layerNames(layer) {
    const at = `encoder.layer.${layer}`;
    return {
      query: `${at}.attention.attn.q`,
      key: `${at}.attention.attn.k`,
      value: `${at}.attention.attn.v`,
      attentionOutput: `${at}.attention.attn.o`,
      attentionNorm: `${at}.attention.LayerNorm`,
      up: `${at}.intermediate.dense`,
      down: `${at}.output.dense`,
      outputNorm: `${at}.output.LayerNorm`,
    };
  },
  poolerName: "pooler.dense",
  relativeBiasName: "encoder.relative_attention_bias",
  unused: [...headWeights, /^lm_head\./],
};
