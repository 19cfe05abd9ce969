/**
 * @file Masked tokens and what may stand in their place, as transformers' fill-mask pipeline tells it.
 *
 * Dimensions: V vocabulary.
 */
import { MAX_MASKED_ROWS, type TokenizedText } from "@stagecoach/parallel";
import type { Encoding, Tokenizer } from "@stagecoach/tokenizer";
import { InvalidInputError } from "./errors.ts";
import { softmax } from "./softmax.ts";

/** Scores of one request that are held at once: 128 MB. */
const MAX_SCORES = 2 ** 25;
/** Tokens of one answer, each with a whole text. */
const MAX_FILLINGS = 2 ** 16;

/** A token for a place, with the keys of the pipeline. */
export type Filling = {
  readonly score: number;
  readonly token: number;
  readonly token_str: string;
  /** The text with the token in its place. Where other masks are left in it, special tokens are not taken out. */
  readonly sequence: string;
};

export type MaskedText = TokenizedText & {
  /** Of the masked tokens, in order. */
  readonly places: readonly number[];
};

export type FillingOptions = {
  readonly topK: number;
  /** The tokens to choose from; all when left out. */
  readonly targets?: readonly number[] | undefined;
};

/** @throws InvalidInputError for a text, or a tokenizer, without a mask */
export function maskedText(
  tokenizer: Tokenizer,
  { ids, typeIds, truncated }: Encoding,
  input: { readonly index: number; readonly inputField: string },
): MaskedText {
  const { mask } = tokenizer.specialTokens;
  if (mask === undefined)
    throw new InvalidInputError("`model`: expected a tokenizer with a mask token, this one has none", "model");
  const places = Array.from(ids, (_, place) => place).filter((place) => ids[place] === mask);
  if (places.length === 0) {
    const where = truncated ? `the ${ids.length} tokens that were kept of it` : "it";
    throw new InvalidInputError(
      `input ${input.index}: expected at least one ${tokenizer.idToToken(mask)!}, got none in ${where} (put it where a token is to be predicted)`,
      input.inputField,
    );
  }
  return { ids, typeIds, places };
}

/** @throws InvalidInputError when there are more masked tokens than a request may have: each gives a score for every token */
export function expectFewMasks(
  texts: readonly MaskedText[],
  { vocabSize, topK, inputField }: { readonly vocabSize: number; readonly topK: number; readonly inputField: string },
): void {
  const numMasks = texts.reduce((total, { places }) => total + places.length, 0);
  const most = Math.floor(Math.min(MAX_SCORES / vocabSize, MAX_FILLINGS / topK));
  if (numMasks > most)
    throw new InvalidInputError(
      `\`${inputField}\`: expected at most ${most} masked tokens together with top_k ${topK} and a vocabulary of ${vocabSize}, got ${numMasks} (send several requests)`,
      inputField,
    );
}

/** The text as it is submitted: once for each MAX_MASKED_ROWS of its masked tokens. */
export function maskedParts({ ids, typeIds, places }: MaskedText): TokenizedText[] {
  return Array.from({ length: Math.ceil(places.length / MAX_MASKED_ROWS) }, (_, part) => {
    const own = places.slice(part * MAX_MASKED_ROWS, (part + 1) * MAX_MASKED_ROWS);
    return { ids, typeIds, maskedPlaces: Int32Array.from(own) };
  });
}

/**
 * Ids of targets as the pipeline finds them: a token of the vocabulary, or else the first piece of the text.
 * @throws InvalidInputError when none of them has one
 */
export function targetIds(tokenizer: Tokenizer, targets: readonly string[], vocabSize: number): number[] {
  const ids = targets.map(
    (target) => tokenizer.tokenToId(target) ?? tokenizer.encodeIds(target, { addSpecialTokens: false }).ids[0],
  );
  const known = [...new Set(ids)].filter((id) => id !== undefined && id < vocabSize) as number[];
  if (known.length === 0)
    throw new InvalidInputError(
      `\`targets\`: expected texts of the model's vocabulary, got ${JSON.stringify(targets).slice(0, 100)}`,
      "targets",
    );
  return known;
}

/** @param request.scores - `[V]` of the place @returns the likeliest tokens for it, the best first */
export function fillMask(
  tokenizer: Tokenizer,
  { ids, places }: MaskedText,
  { place, scores, topK, targets }: FillingOptions & { readonly place: number; readonly scores: Float32Array },
): Filling[] {
  const { pad } = tokenizer.specialTokens;
  const probabilities = softmax(scores);
  const candidates = targets ?? likely(scores, topK);
  const best = candidates.toSorted((a, b) => probabilities[b]! - probabilities[a]! || a - b).slice(0, topK);
  return best.map((token) => ({
    score: probabilities[token]!,
    token,
    token_str: tokenizer.decode([token], { skipSpecialTokens: false }),
    sequence: tokenizer.decode(
      ids.with(place, token).filter((id) => id !== pad),
      { skipSpecialTokens: places.length === 1 },
    ),
  }));
}

/** Indices of at least the `count` largest values, in no order: a vocabulary is large, and sorting numbers is cheap. */
function likely(values: Float32Array, count: number): number[] {
  const least = values.toSorted().at(-Math.min(count, values.length))!;
  const found: number[] = [];
  values.forEach((value, index) => {
    if (value >= least) found.push(index);
  });
  return found;
}
