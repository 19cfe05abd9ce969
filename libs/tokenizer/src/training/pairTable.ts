/** @file Pairs of neighbouring symbols: how often each occurs, and in which words it has arisen since last asked. */

/** A pair with the words in which to merge it, and its count when it was entered. */
export type PairEntry = { readonly pair: number; readonly count: number; readonly words: readonly number[] };

/** More symbols than any vocabulary has. */
const maxSymbols = 2 ** 26;

export class PairTable {
  readonly #indices = new Map<number, number>();
  readonly #lefts: number[] = [];
  readonly #rights: number[] = [];
  readonly #counts: number[] = [];
  readonly #noted = new Map<number, number[]>();

  /** Number of the pair; a new one if it was not seen before. */
  indexOf(left: number, right: number): number {
    const key = left * maxSymbols + right;
    let index = this.#indices.get(key);
    if (index === undefined) {
      index = this.#lefts.length;
      this.#indices.set(key, index);
      this.#lefts.push(left);
      this.#rights.push(right);
      this.#counts.push(0);
    }
    return index;
  }

  symbolsOf(pair: number): readonly [left: number, right: number] {
    return [this.#lefts[pair], this.#rights[pair]];
  }

  count(pair: number): number {
    return this.#counts[pair];
  }

  change(pair: number, by: number): void {
    this.#counts[pair] += by;
  }

  /** Remembers that a pair occurs in a word; words come one after the other, so a repeated one is the last. */
  noteWord(pair: number, word: number): void {
    const words = this.#noted.get(pair);
    if (words === undefined) this.#noted.set(pair, [word]);
    else if (words[words.length - 1] !== word) words.push(word);
  }

  /** Entries for what was noted since the last call, as far as it still occurs. */
  takeNoted(): PairEntry[] {
    const entries: PairEntry[] = [];
    for (const [pair, words] of this.#noted) {
      const count = this.#counts[pair];
      if (count > 0) entries.push({ pair, count, words });
    }
    this.#noted.clear();
    return entries;
  }
}
