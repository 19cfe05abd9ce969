/**
 * @file Learns a WordPiece vocabulary from word counts, as Rust's WordPieceTrainer does (tokenizers 0.23.3): byte pair
 * encoding on characters of which those inside a word carry a prefix; the merged strings are the vocabulary.
 *
 * Rust gives the characters inside words their ids in the order of a hash table that is seeded anew in each process. Ids
 * decide between pairs of equal count, so its vocabularies differ from run to run. Here the order is that in which the
 * characters are met in the words (an order that a run of Rust's may have), unless another is given; given the order of a
 * certain run, the result is that run's, id for id.
 */
import { VocabularyTrainingError } from "../errors.ts";
import { PairQueue } from "./pairQueue.ts";
import { PairTable, type PairEntry } from "./pairTable.ts";

export type LearnOptions = {
  /** Tokens to learn, special ones and characters included. */
  readonly vocabSize: number;
  /** Pairs that occur less often are not merged. */
  readonly minFrequency: number;
  /** The first tokens of the vocabulary. */
  readonly specialTokens: readonly string[];
  readonly continuingSubwordPrefix: string;
  /** Characters to keep at most; the rarest go first. */
  readonly limitAlphabet?: number;
  /** Characters to have in any case (before those that are limited). */
  readonly initialAlphabet?: readonly string[];
  /** Order of the characters inside words, without their prefix; those not in it come after, as they are met. */
  readonly continuingAlphabet?: readonly string[];
};

/** Tokens learned so far. */
export type LearningProgress = { readonly numTokens: number };

/**
 * A generator that can be left and taken up again between merges, so that whoever drives it can let other work in.
 *
 * @returns the tokens; a token's index is its id
 */
export function* learnWordPieces(
  wordCounts: ReadonlyMap<string, number>,
  options: LearnOptions,
): Generator<LearningProgress, string[]> {
  const vocabulary = new GrowingVocabulary();
  for (const token of options.specialTokens) vocabulary.add(token);
  const alphabet = keptAlphabet(wordCounts, options);
  for (const char of alphabet) vocabulary.add(char);
  const words = new SymbolWords(wordCounts, { alphabet: new Set(alphabet), vocabulary, options });
  const { queue, pairs } = countPairs(words);
  while (vocabulary.size < options.vocabSize) {
    const top = queue.pop();
    if (top === undefined) break;
    const count = pairs.count(top.pair);
    if (top.count !== count) {
      queue.push({ ...top, count });
      continue;
    }
    if (count < 1 || count < options.minFrequency) break;
    mergePair(top, { words, pairs, queue, vocabulary, prefix: options.continuingSubwordPrefix });
    yield { numTokens: vocabulary.size };
  }
  return vocabulary.tokens;
}

class GrowingVocabulary {
  readonly tokens: string[] = [];
  readonly #ids = new Map<string, number>();

  get size(): number {
    return this.tokens.length;
  }

  add(token: string): number {
    const known = this.#ids.get(token);
    if (known !== undefined) return known;
    this.#ids.set(token, this.tokens.length);
    return this.tokens.push(token) - 1;
  }
}

const byCodePoint = (a: string, b: string) => a.codePointAt(0)! - b.codePointAt(0)!;

/** The characters of the words, but for the rarest beyond the limit (of equally rare ones the higher code points go), by code point. */
function keptAlphabet(wordCounts: ReadonlyMap<string, number>, options: LearnOptions): string[] {
  const counts = new Map<string, number>();
  for (const [word, count] of wordCounts) for (const char of word) counts.set(char, (counts.get(char) ?? 0) + count);
  for (const char of options.initialAlphabet ?? []) {
    if (Array.from(char).length !== 1) {
      throw new VocabularyTrainingError(`initialAlphabet: expected single characters, got ${JSON.stringify(char)}`);
    }
    counts.set(char, Infinity);
  }
  const byCount = Array.from(counts).toSorted(([a, countA], [b, countB]) =>
    countA === countB ? byCodePoint(a, b) : countB > countA ? 1 : -1,
  );
  const limit = options.limitAlphabet ?? Infinity;
  return byCount
    .slice(0, Math.min(limit, byCount.length))
    .map(([char]) => char)
    .toSorted(byCodePoint);
}

/** Words as symbols, all in one array: word i is `symbols[starts[i] .. starts[i] + lengths[i])`. */
class SymbolWords {
  readonly counts: Float64Array;
  readonly symbols: Int32Array;
  readonly starts: Int32Array;
  readonly lengths: Int32Array;

  constructor(
    wordCounts: ReadonlyMap<string, number>,
    context: {
      readonly alphabet: ReadonlySet<string>;
      readonly vocabulary: GrowingVocabulary;
      readonly options: LearnOptions;
    },
  ) {
    const { alphabet, vocabulary, options } = context;
    const prefix = options.continuingSubwordPrefix;
    for (const char of continuingCharacters(wordCounts.keys(), alphabet, options)) vocabulary.add(prefix + char);
    this.counts = Float64Array.from(wordCounts.values());
    this.starts = new Int32Array(wordCounts.size);
    this.lengths = new Int32Array(wordCounts.size);
    let numUnits = 0;
    for (const word of wordCounts.keys()) numUnits += word.length;
    this.symbols = new Int32Array(numUnits);
    let at = 0;
    let index = 0;
    for (const word of wordCounts.keys()) {
      this.starts[index] = at;
      let isFirst = true;
      for (const char of word) {
        if (alphabet.has(char)) this.symbols[at++] = vocabulary.add(isFirst ? char : prefix + char);
        isFirst = false;
      }
      this.lengths[index] = at - this.starts[index];
      index++;
    }
  }
}

/** The characters that occur inside words, in the order of their ids. */
function continuingCharacters(
  words: Iterable<string>,
  alphabet: ReadonlySet<string>,
  { continuingAlphabet = [] }: LearnOptions,
): string[] {
  const found = new Set<string>();
  for (const word of words) {
    for (const [i, char] of Array.from(word).entries()) if (i > 0 && alphabet.has(char)) found.add(char);
  }
  const ordered = new Set(continuingAlphabet.filter((char) => found.has(char)));
  return [...ordered, ...Array.from(found).filter((char) => !ordered.has(char))];
}

function countPairs(words: SymbolWords): { readonly queue: PairQueue; readonly pairs: PairTable } {
  const pairs = new PairTable();
  for (let word = 0; word < words.counts.length; word++) {
    const end = words.starts[word] + words.lengths[word];
    for (let i = words.starts[word]; i + 1 < end; i++) {
      const pair = pairs.indexOf(words.symbols[i], words.symbols[i + 1]);
      pairs.change(pair, words.counts[word]);
      pairs.noteWord(pair, word);
    }
  }
  const queue = new PairQueue(pairs);
  for (const entry of pairs.takeNoted()) queue.push(entry);
  return { queue, pairs };
}

type MergeContext = {
  readonly words: SymbolWords;
  readonly pairs: PairTable;
  readonly queue: PairQueue;
  readonly vocabulary: GrowingVocabulary;
  readonly prefix: string;
};

/** Adds the merged token and merges the pair in the words of this entry; pairs that arise get entries of their own. */
function mergePair(entry: PairEntry, context: MergeContext): void {
  const { pairs, queue, vocabulary, prefix } = context;
  const [left, right] = pairs.symbolsOf(entry.pair);
  const second = vocabulary.tokens[right];
  const merged = vocabulary.tokens[left] + (second.startsWith(prefix) ? second.slice(prefix.length) : second);
  const id = vocabulary.add(merged);
  for (const word of entry.words) mergeInWord(word, { left, right, id }, context);
  for (const arisen of pairs.takeNoted()) queue.push(arisen);
}

function mergeInWord(
  word: number,
  { left, right, id }: { readonly left: number; readonly right: number; readonly id: number },
  { words, pairs }: MergeContext,
): void {
  const { symbols } = words;
  const start = words.starts[word];
  const count = words.counts[word];
  const change = (a: number, b: number, by: 1 | -1) => {
    const pair = pairs.indexOf(a, b);
    pairs.change(pair, by * count);
    if (by > 0) pairs.noteWord(pair, word);
  };
  let length = words.lengths[word];
  for (let i = start; i + 1 < start + length; i++) {
    if (symbols[i] !== left || symbols[i + 1] !== right) continue;
    if (i > start) {
      change(symbols[i - 1], left, -1);
      change(symbols[i - 1], id, 1);
    }
    symbols[i] = id;
    symbols.copyWithin(i + 1, i + 2, start + length);
    length--;
    if (i + 1 < start + length) {
      change(right, symbols[i + 1], -1);
      change(id, symbols[i + 1], 1);
    }
  }
  words.lengths[word] = length;
}
