/**
 * @file Answers as the question-answering pipeline of transformers 4.57 gives them (version 5 has none): probabilities instead of
 * logits, whole words, and the scores of one text's spans and windows added up, so that a score may pass 1.
 *
 * decodeAnswer finds the spans. Given the logarithms of probabilities, its sums are the logarithms of the pipeline's products.
 *
 * Dimensions: L tokens of a window.
 */
import type { ContextWindow } from "./contextWindows.ts";
import { decodeAnswer, type AnswerCandidate } from "./decodeAnswer.ts";

export type RankingOptions = {
  readonly topK: number;
  /** In tokens. */
  readonly maxAnswerLength: number;
  /** Whether "no answer" is among the answers, with an empty text: the least over windows of the first token's probabilities. */
  readonly allowNoAnswer: boolean;
  /** Answers begin and end with whole words. */
  readonly alignToWords: boolean;
};

export type RankedAnswer = {
  readonly text: string;
  readonly score: number;
  /** Place in the context, in UTF-16 units; `end` is exclusive. */
  readonly start: number;
  readonly end: number;
};

/** Logits of a window: `[L]` each. */
export type WindowLogits = { readonly start: ArrayLike<number>; readonly end: ArrayLike<number> };

/** The answers to one question, from its windows one after another. */
export class AnswerRanking {
  readonly #context: string;
  readonly #options: RankingOptions;
  /** By their text in lower case. */
  readonly #found = new Map<string, RankedAnswer>();
  #noAnswer = Infinity;

  constructor(context: string, options: RankingOptions) {
    this.#context = context;
    this.#options = options;
  }

  add(window: ContextWindow, logits: WindowLogits): void {
    const { topK, maxAnswerLength, alignToWords } = this.#options;
    const isAllowed = (token: number) => token === 0 || window.offsets[2 * token]! >= 0;
    const [startLogits, endLogits] = [logSoftmax(logits.start, isAllowed), logSoftmax(logits.end, isAllowed)];
    this.#noAnswer = Math.min(this.#noAnswer, Math.exp(startLogits[0]! + endLogits[0]!));
    const offsets = alignToWords ? wordOffsets(window) : window.offsets;
    // The pipeline's number: candidates of one word become one answer.
    const wanted = alignToWords ? topK * 2 + 10 : topK;
    const spans = bestSpans(wanted, { startLogits, endLogits }, (nBest) => {
      const decoded = decodeAnswer([{ startLogits, endLogits, offsets }], this.#context, { nBest, maxAnswerLength });
      return decoded.candidates.filter(({ start, end }) => end > start);
    });
    for (const { text, start, end, score } of spans) {
      const key = text.toLowerCase();
      const known = this.#found.get(key) ?? { text, start, end, score: 0 };
      this.#found.set(key, { ...known, score: known.score + Math.exp(score) });
    }
  }

  /** The best first. Empty when no window has a token of the context, and "no answer" is not allowed. */
  answers(): RankedAnswer[] {
    const { topK, allowNoAnswer } = this.#options;
    const noAnswer = { text: "", score: this.#noAnswer, start: 0, end: 0 };
    const all = [...this.#found.values(), ...(allowNoAnswer ? [noAnswer] : [])];
    return all.toSorted((a, b) => b.score - a.score).slice(0, topK);
  }
}

/** Starts and ends that are tried first: as many as decodeAnswer tries. */
const FEW = 20;
/** Sums are rounded to float32 (decodeAnswer). */
const ROUNDING = 1e-5;

/**
 * The best `wanted` spans of all. Trying few starts and ends gives spans that are nearly as good; a start, or an end, that cannot beat
 * the last of them even with the best partner need not be tried.
 *
 * @param decode - the spans of so many of the likeliest starts and ends, best first
 */
function bestSpans(
  wanted: number,
  logits: { readonly startLogits: readonly number[]; readonly endLogits: readonly number[] },
  decode: (nBest: number) => readonly AnswerCandidate[],
): readonly AnswerCandidate[] {
  const { startLogits, endLogits } = logits;
  const few = Math.max(wanted, FEW);
  const found = decode(few);
  const least = (found[wanted - 1]?.score ?? -Infinity) - ROUNDING;
  const canBeat = (values: readonly number[], partners: readonly number[]) => {
    const bound = least - Math.max(...partners);
    return values.filter((value) => value >= bound).length;
  };
  const enough = Math.max(canBeat(startLogits, endLogits), canBeat(endLogits, startLogits));
  return (enough <= few ? found : decode(enough)).slice(0, wanted);
}

/** Logarithms of probabilities; -Infinity for tokens that cannot be chosen. */
function logSoftmax(logits: ArrayLike<number>, isAllowed: (token: number) => boolean): number[] {
  const values = Array.from(logits, (logit, token) => (isAllowed(token) ? logit : -Infinity));
  const largest = Math.max(...values);
  const logSum = Math.log(values.reduce((total, value) => total + Math.exp(value - largest), 0));
  return values.map((value) => value - largest - logSum);
}

/** Each token of the context with the start and the end of its word, as far as that is in the window. */
function wordOffsets({ encoding, offsets }: ContextWindow): Int32Array {
  const { wordIds } = encoding;
  const words = new Map<number | null, { readonly start: number; readonly end: number }>();
  const inContext = Array.from(wordIds, (_, token) => token).filter((token) => offsets[2 * token]! >= 0);
  for (const token of inContext) {
    const start = words.get(wordIds[token]!)?.start ?? offsets[2 * token]!;
    words.set(wordIds[token]!, { start, end: offsets[2 * token + 1]! });
  }
  const aligned = offsets.slice();
  for (const token of inContext) {
    const { start, end } = words.get(wordIds[token]!)!;
    aligned.set([start, end], 2 * token);
  }
  return aligned;
}
