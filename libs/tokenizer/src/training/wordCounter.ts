/**
 * @file Counts words of lines of text. Memory is that of the table of words, whatever the length of the text.
 *
 * Lines are cut at spaces first, and each distinct cut is normalized and pre-tokenized once in a while instead of each
 * time; the cutting that is done here must therefore be one that the pre-tokenizer does anyway.
 */
import { detached } from "../unicode/characters.ts";

/** Distinct cuts that are collected before they are split into words. */
const maxPendingCuts = 100_000;
/** A cut longer than this is split at once, so that the pending ones stay small (UTF-16 units). */
const maxPendingUnits = 64;

export class WordCounter {
  readonly #wordsOf: (text: string) => readonly string[];
  readonly #counts = new Map<string, number>();
  readonly #pending = new Map<string, number>();

  /** @param wordsOf - the words of a text without spaces, line ends or tabs in it */
  constructor(wordsOf: (text: string) => readonly string[]) {
    this.#wordsOf = wordsOf;
  }

  addLine(line: string): void {
    for (const cut of line.toWellFormed().split(/[ \t\n\r]+/)) {
      if (cut === "") continue;
      if (cut.length > maxPendingUnits) this.#split(cut, 1);
      else increase(this.#pending, cut, 1);
    }
    if (this.#pending.size > maxPendingCuts) this.#flush();
  }

  /** How often each word occurred, in the order in which they were first met. */
  counts(): ReadonlyMap<string, number> {
    this.#flush();
    return this.#counts;
  }

  #flush(): void {
    for (const [cut, count] of this.#pending) this.#split(cut, count);
    this.#pending.clear();
  }

  #split(cut: string, count: number): void {
    for (const word of this.#wordsOf(cut)) increase(this.#counts, word, count);
  }
}

function increase(counts: Map<string, number>, key: string, by: number): void {
  const known = counts.get(key);
  counts.set(known === undefined ? detached(key) : key, (known ?? 0) + by);
}
