/**
 * @file How a model attends to a text or a pair: the softmax probabilities of its heads.
 *
 * A head has a number for each pair of tokens. So heads are asked for in as many micro-batches as their numbers need, and requests have
 * limits: texts longer than MAX_ATTENTION_TOKENS give matrices that nobody can look at, more values than the route's do not fit an answer.
 *
 * Dimensions: L tokens.
 */
import { MAX_ATTENTION_VALUES } from "@stagecoach/parallel";
import type { Encoding } from "@stagecoach/tokenizer";
import type { Embedder } from "./embedder.ts";
import { encodeInput } from "./encodeInput.ts";
import { InvalidInputError } from "./errors.ts";
import { rowsOf } from "./rowsOf.ts";
import type { CuttingOptions, ScoreInput } from "./scorer.ts";
import { submitTokenized, type Timings } from "./submitTokenized.ts";

/** Longest text of an answer, special tokens included: 262,144 numbers a head. */
const MAX_ATTENTION_TOKENS = 512;

export type AttentionOptions = CuttingOptions & {
  /** Global numbers; all when left out. */
  readonly layers: readonly number[] | undefined;
  /** Numbers of heads in each of the layers; all when left out. */
  readonly heads: readonly number[] | undefined;
  /** Most probabilities of the answer, and what a request that wants more can do. */
  readonly limit: { readonly values: number; readonly remedy: string };
  /** Milliseconds, monotonic. */
  readonly now: () => number;
};

export type Attended = {
  /** As the tokenizer read them: lower-cased where the model says so. */
  readonly texts: readonly string[];
  readonly encoding: Encoding;
  /** Ascending. */
  readonly heads: readonly number[];
  /** Ascending by layer. */
  readonly layers: readonly {
    readonly layer: number;
    /** For each of the heads `[L, L]`: a row for each token that looks. */
    readonly probabilities: readonly Float32Array[];
  }[];
  readonly numTokens: number;
  readonly numTruncated: number;
  readonly timings: Timings;
};

/**
 * No prompt is put before the text: what is given is what is looked at.
 * @throws InvalidInputError, and what Batcher.submit throws
 */
export async function attend(embedder: Embedder, input: ScoreInput, options: AttentionOptions): Promise<Attended> {
  const { inputField, limit, timeoutMs, signal, trace, now } = options;
  const started = now();
  const { numLayers, numHeads } = embedder.model.config;
  const layers = chosen("layers", options.layers, numLayers);
  const heads = chosen("heads", options.heads, numHeads);
  const texts = (typeof input === "string" ? [input] : input).map((text) => embedder.textOf(text, ""));
  const maxLength = Math.min(embedder.maxLength, MAX_ATTENTION_TOKENS);
  const what = `\`${inputField}\``;
  const encoding = encodeInput(embedder.tokenizer, texts as [string, string?], { ...options, maxLength, what });
  const { ids, typeIds, length: L } = encoding;
  embedder.expectEmbedded(ids, { index: 0, inputField });
  const numValues = layers.length * heads.length * L * L;
  if (numValues > limit.values)
    throw new InvalidInputError(
      `\`${inputField}\`: expected at most ${limit.values} probabilities in an answer, got ${numValues}: ${layers.length} layers of ${heads.length} heads for ${L} tokens (${limit.remedy})`,
      inputField,
    );
  const wanted = layers.flatMap((layer) => heads.map((head) => [layer, head]));
  const perBatch = Math.floor(MAX_ATTENTION_VALUES / (L * L));
  const parts = Array.from({ length: Math.ceil(wanted.length / perBatch) }, (_, part) => ({
    ids,
    typeIds,
    attentionHeads: Int32Array.from(wanted.slice(part * perBatch, (part + 1) * perBatch).flat()),
  }));
  const numTruncated = encoding.truncated ? 1 : 0;
  const { vectors, timings } = await submitTokenized(
    embedder.batcher,
    { texts: parts, numTokens: L, numTruncated },
    { output: "attention", numTexts: 1, timeoutMs, signal, trace, started, now },
  );
  const matrices = vectors.flatMap((rows) => rowsOf(rows, L * L));
  return {
    texts,
    encoding,
    heads,
    layers: layers.map((layer, index) => ({
      layer,
      probabilities: matrices.slice(index * heads.length, (index + 1) * heads.length),
    })),
    numTokens: L,
    numTruncated,
    timings,
  };
}

/** Ascending. @throws InvalidInputError for numbers that there are not, or that are given twice */
function chosen(field: string, given: readonly number[] | undefined, count: number): number[] {
  if (given === undefined) return Array.from({ length: count }, (_, number) => number);
  const wrong = given.find((number, index) => number < 0 || number >= count || given.indexOf(number) !== index);
  if (wrong !== undefined)
    throw new InvalidInputError(
      `\`${field}\`: expected numbers from 0 to ${count - 1}, each once, got ${JSON.stringify(given).slice(0, 100)} (the model has ${count} ${field})`,
      field,
    );
  return given.toSorted((a, b) => a - b);
}
