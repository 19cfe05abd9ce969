/** @file RoBERTa (Liu et al. 2019) and XLM-RoBERTa (Conneau et al. 2019): BERT's layers, fairseq's positions. */
import { ModelConfigError } from "../errors.ts";
import { readBertLikeConfig, refuseSettings } from "../config.ts";
import { bertEmbeddingNames, bertLayerNames } from "./bert.ts";
import { headWeights, type Family } from "./family.ts";

export const roberta: Family = {
  modelTypes: ["roberta", "xlm-roberta", "camembert"],
  prefix: "roberta.",
  readConfig(fields) {
    refuseSettings(fields, {
      position_embedding_type: ["absolute"],
      is_decoder: [false],
      add_cross_attention: [false],
    });
    const config = readBertLikeConfig(fields, { typeVocabSize: 2, padTokenId: 1 });
    return { ...config, maxLength: lengthAfterPadding(config) };
  },
  positions: ({ padTokenId }) => ({ kind: "after-padding", padTokenId }),
  embeddingNames: bertEmbeddingNames,
  layerNames: bertLayerNames,
  poolerName: "pooler.dense",
  relativeBiasName: null,
  unused: [...headWeights, /^lm_head\./],
};

/** fairseq's positions begin after the padding's own row. */
export function lengthAfterPadding({
  maxPositions,
  padTokenId,
}: {
  readonly maxPositions: number;
  readonly padTokenId: number;
}): number {
  const length = maxPositions - padTokenId - 1;
  if (length < 1) {
    throw new ModelConfigError(
      `config.json: "max_position_embeddings": expected more than ${padTokenId + 1} (positions begin after the padding's), got ${maxPositions}`,
    );
  }
  return length;
}
