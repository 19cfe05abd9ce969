/**
 * @file Hiding tokens for masked-LM: of those chosen, 80 percent become the mask token, 10 percent any token of the
 * vocabulary (special ones included), 10 percent stay (Devlin et al. 2019).
 *
 * Two ways to choose. `maskAtRandom`: each token for itself with probability 0.15, anew in each epoch, as
 * DataCollatorForLanguageModeling of transformers 5.23. `maskCounted`: 15 percent of the tokens, up to a limit, once and for
 * all, as google-research/bert's create_pretraining_data.py. In both, whole words can be chosen instead of tokens.
 */
import type { Tokenizer } from "@stagecoach/tokenizer";
import { DataError } from "./dataError.ts";

/** What masking needs to know of a vocabulary. */
export type MaskVocabulary = {
  readonly size: number;
  readonly maskId: number;
  /** Never masked: the tokens that frame a text. */
  readonly frameIds: readonly number[];
  /** `[size]` 1 for tokens that continue a word. */
  readonly continues: Uint8Array;
};

export type MaskedTokens = {
  /** The tokens with some replaced. */
  readonly ids: Int32Array;
  /** Places of those chosen, in ascending order. */
  readonly positions: Int32Array;
  /** What stood there. */
  readonly labels: Int32Array;
};

/** What drawing needs; RandomSequence has it. */
export type MaskRandom = {
  /** From 0 to below 1. */
  uniform(): number;
  /** A whole number, both ends included. */
  between(least: number, most: number): number;
  /** In place. */
  shuffle<T extends { readonly length: number; [index: number]: unknown }>(list: T): T;
};

export const maskedShare = 0.15;
const markers = [
  { start: "\u0120", marksContinuation: false }, // byte-level BPE: a space before the word
  { start: "\u2581", marksContinuation: false }, // SentencePiece: likewise
  { start: "##", marksContinuation: true }, // WordPiece
] as const;

/** @throws DataError "data_option" when the tokenizer has no mask token */
export function maskVocabulary(tokenizer: Tokenizer): MaskVocabulary {
  const { mask, cls, sep, pad, bos, eos } = tokenizer.specialTokens;
  if (mask === undefined) {
    throw new DataError("data_option", "masked-lm: expected a tokenizer with a mask token, got one without");
  }
  const size = tokenizer.vocabSize;
  const tokens = Array.from({ length: size }, (_, id) => tokenizer.idToToken(id) ?? "");
  const counts = markers.map(({ start }) => tokens.filter((token) => token.startsWith(start)).length);
  const marker = markers[counts.indexOf(Math.max(...counts))]!;
  const special = new Set(tokenizer.addedTokens.map(({ content }) => content));
  const continues = Uint8Array.from(tokens, (token) =>
    !special.has(token) && token.startsWith(marker.start) === marker.marksContinuation ? 1 : 0,
  );
  const frameIds = [cls, sep, pad, bos, eos].filter((id) => id !== undefined);
  return { size, maskId: mask, frameIds, continues };
}

export type MaskAtRandomOptions = {
  readonly vocabulary: MaskVocabulary;
  /** Of each token (or word) to be chosen; default 0.15. */
  readonly probability?: number | undefined;
  /** Default false. */
  readonly wholeWords?: boolean | undefined;
};

/**
 * Where chance chooses nothing, one token (or word) is chosen, so that no batch is without labels. That is the only
 * difference from transformers, and makes the share a little larger for short texts: `p + (1 - p)^n / n` for n tokens.
 *
 * @param ids - with at least one token that is not of the frame
 */
export function maskAtRandom(ids: Int32Array, options: MaskAtRandomOptions, random: MaskRandom): MaskedTokens {
  const { vocabulary, probability = maskedShare, wholeWords = false } = options;
  const units = maskableUnits(ids, vocabulary, wholeWords);
  let chosen = units.filter(() => random.uniform() < probability);
  if (chosen.length === 0) chosen = [units[random.between(0, units.length - 1)]!];
  const masked = ids.slice();
  for (const place of chosen.flat()) masked[place] = replacement(ids[place]!, vocabulary, random);
  return maskedTokens(ids, masked, chosen.flat());
}

export type MaskCountedOptions = {
  readonly vocabulary: MaskVocabulary;
  /** Default 0.15. */
  readonly probability?: number | undefined;
  /** `max_predictions_per_seq`; default 20. */
  readonly maxPredictions?: number | undefined;
  readonly wholeWords?: boolean | undefined;
};

/** `create_masked_lm_predictions`: draws in the same order, so that the same generator gives the same masks. */
export function maskCounted(ids: Int32Array, options: MaskCountedOptions, random: MaskRandom): MaskedTokens {
  const { vocabulary, probability = maskedShare, maxPredictions = 20, wholeWords = false } = options;
  const units = random.shuffle(maskableUnits(ids, vocabulary, wholeWords));
  const numToPredict = Math.min(maxPredictions, Math.max(1, roundHalfToEven(ids.length * probability)));
  const masked = ids.slice();
  const chosen: number[] = [];
  for (const unit of units) {
    if (chosen.length >= numToPredict) break;
    if (chosen.length + unit.length > numToPredict) continue;
    for (const place of unit) {
      masked[place] = replacement(ids[place]!, vocabulary, random);
      chosen.push(place);
    }
  }
  return maskedTokens(
    ids,
    masked,
    chosen.toSorted((a, b) => a - b),
  );
}

/** Whether there is anything to mask. */
export function isMaskable(ids: Int32Array, { frameIds }: MaskVocabulary): boolean {
  return ids.some((id) => !frameIds.includes(id));
}

/** Places of each token, or of each word. */
function maskableUnits(ids: Int32Array, { frameIds, continues }: MaskVocabulary, wholeWords: boolean): number[][] {
  const units: number[][] = [];
  ids.forEach((id, place) => {
    if (frameIds.includes(id)) return;
    if (wholeWords && units.length > 0 && continues[id] === 1) units.at(-1)!.push(place);
    else units.push([place]);
  });
  return units;
}

function replacement(id: number, { maskId, size }: MaskVocabulary, random: MaskRandom): number {
  if (random.uniform() < 0.8) return maskId;
  return random.uniform() < 0.5 ? id : random.between(0, size - 1);
}

function maskedTokens(original: Int32Array, ids: Int32Array, chosen: readonly number[]): MaskedTokens {
  const positions = Int32Array.from(chosen);
  return { ids, positions, labels: positions.map((place) => original[place]!) };
}

/** As Python 3 rounds. */
function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
