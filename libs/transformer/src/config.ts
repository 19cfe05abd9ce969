/**
 * @file A model's `config.json`, read once into our own words.
 *
 * Field names on the left of a reader are Hugging Face's, unchanged. Values that change what the model computes and that we
 * do not implement are refused by name, never ignored.
 */
import { activationNames, type ActivationName } from "./activation.ts";
import { ModelConfigError } from "./errors.ts";

/** What every encoder of the BERT family has. Letters: D hidden size, N heads, H head size, F feed-forward size, V vocabulary. */
export type EncoderConfig = {
  readonly modelType: string;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  /** D / N */
  readonly headSize: number;
  readonly intermediateSize: number;
  /** Rows of the position table. */
  readonly maxPositions: number;
  /** Longest text in tokens, special tokens included: what the position table allows. */
  readonly maxLength: number;
  /** Rows of the segment table; 0 when the family has none. */
  readonly typeVocabSize: number;
  readonly layerNormEpsilon: number;
  readonly activation: ActivationName;
  readonly padTokenId: number;
  /** Buckets of MPNet's relative position bias; 0 when the family has none. */
  readonly relativeAttentionBuckets: number;
};

/** Reads typed fields out of a JSON object, with errors that name the file and the field. */
export class JsonFields {
  readonly #file: string;
  readonly #fields: Readonly<Record<string, unknown>>;

  /** @throws ModelConfigError unless `json` is an object */
  constructor(file: string, json: unknown) {
    if (typeof json !== "object" || json === null || Array.isArray(json)) {
      throw new ModelConfigError(
        `${file}: expected a JSON object, got ${Array.isArray(json) ? "an array" : JSON.stringify(json)}`,
      );
    }
    this.#file = file;
    this.#fields = json as Record<string, unknown>;
  }

  has(field: string): boolean {
    return this.#fields[field] !== undefined && this.#fields[field] !== null;
  }

  get(field: string): unknown {
    return this.#fields[field];
  }

  /** A whole number of at least `minimum`. */
  count(field: string, options: { readonly fallback?: number; readonly minimum?: number } = {}): number {
    const { fallback, minimum = 1 } = options;
    const value = this.has(field) ? this.#fields[field] : fallback;
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < minimum) {
      throw this.#misfit(field, `a whole number of at least ${minimum}`);
    }
    return value;
  }

  positive(field: string, fallback?: number): number {
    const value = this.has(field) ? this.#fields[field] : fallback;
    if (typeof value !== "number" || !(value > 0)) throw this.#misfit(field, "a number above 0");
    return value;
  }

  text(field: string, fallback?: string): string {
    const value = this.has(field) ? this.#fields[field] : fallback;
    if (typeof value !== "string") throw this.#misfit(field, "a string");
    return value;
  }

  flag(field: string, fallback: boolean): boolean {
    const value = this.has(field) ? this.#fields[field] : fallback;
    if (typeof value !== "boolean") throw this.#misfit(field, "true or false");
    return value;
  }

  choice<T extends string>(field: string, choices: readonly T[], fallback?: T): T {
    const value = this.text(field, fallback);
    const found = choices.find((choice) => choice === value);
    if (found === undefined) throw this.#misfit(field, `one of ${choices.join(", ")}`);
    return found;
  }

  #misfit(field: string, expected: string): ModelConfigError {
    const got = this.has(field) ? JSON.stringify(this.#fields[field]) : "nothing";
    return new ModelConfigError(`${this.#file}: "${field}": expected ${expected}, got ${got}`);
  }
}

/** Fields of BERT's own config, which RoBERTa, XLM-RoBERTa and MPNet share. */
export function readBertLikeConfig(
  fields: JsonFields,
  defaults: { readonly typeVocabSize: number; readonly padTokenId: number },
) {
  const hiddenSize = fields.count("hidden_size");
  const numHeads = fields.count("num_attention_heads");
  return {
    modelType: fields.text("model_type"),
    vocabSize: fields.count("vocab_size"),
    hiddenSize,
    numLayers: fields.count("num_hidden_layers"),
    numHeads,
    headSize: headSizeOf(hiddenSize, numHeads),
    intermediateSize: fields.count("intermediate_size"),
    maxPositions: fields.count("max_position_embeddings"),
    typeVocabSize: fields.count("type_vocab_size", { fallback: defaults.typeVocabSize, minimum: 0 }),
    layerNormEpsilon: fields.positive("layer_norm_eps", 1e-12),
    activation: fields.choice("hidden_act", activationNames, "gelu"),
    padTokenId: fields.count("pad_token_id", { fallback: defaults.padTokenId, minimum: 0 }),
    relativeAttentionBuckets: 0,
  };
}

/** @throws ModelConfigError when the heads do not divide the hidden size */
export function headSizeOf(hiddenSize: number, numHeads: number): number {
  if (hiddenSize % numHeads !== 0) {
    throw new ModelConfigError(
      `config.json: the hidden size ${hiddenSize} is not a multiple of the ${numHeads} attention heads`,
    );
  }
  return hiddenSize / numHeads;
}

/** Refuse settings that would change the result and that we do not implement. */
export function refuseSettings(fields: JsonFields, settings: Readonly<Record<string, readonly unknown[]>>): void {
  for (const [field, accepted] of Object.entries(settings)) {
    const value = fields.get(field) ?? accepted[0];
    if (!accepted.includes(value)) {
      const known = accepted.map((each) => JSON.stringify(each)).join(" or ");
      throw new ModelConfigError(`config.json: "${field}": only ${known} is implemented, got ${JSON.stringify(value)}`);
    }
  }
}
