/**
 * @file A model family: how its config reads, what its weights are called, and how it counts positions.
 *
 * All families here share one structure (embeddings, then post-norm encoder layers); they differ in names and in a few
 * settings. Names are those of the base model in transformers, without the prefix that task models put before them.
 */
import type { EncoderConfig, JsonFields } from "../config.ts";
import type { PositionRule } from "../packing.ts";

/** Names of a linear layer or a norm, without `.weight` and `.bias`. */
export type LayerNames = {
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly attentionOutput: string;
  readonly attentionNorm: string;
  readonly up: string;
  readonly down: string;
  readonly outputNorm: string;
};

export type Family = {
  /** `model_type` values that mean this family. */
  readonly modelTypes: readonly string[];
  /** What task models put before the names of the base model, such as `bert.`. */
  readonly prefix: string;
  readonly readConfig: (fields: JsonFields) => EncoderConfig;
  readonly positions: (config: EncoderConfig) => PositionRule;
  readonly embeddingNames: {
    readonly word: string;
    readonly position: string;
    readonly tokenType: string | null;
    readonly norm: string;
  };
  readonly layerNames: (layer: number) => LayerNames;
  /** `dense` of the pooler, where the family has one. */
  readonly poolerName: string | null;
  /** Table of the relative position bias, where the family has one. */
  readonly relativeBiasName: string | null;
  /** Weights of heads and buffers that transformers saves with such models and that an encoder does not need. */
  readonly unused: readonly RegExp[];
};

/** Heads that any family may carry. */
export const headWeights: readonly RegExp[] = [/(^|\.)position_ids$/, /^(classifier|qa_outputs|score)\./, /^pooler\./];
