/** @file Numbers drawn one after another from one place of a stream: uniform, whole, normal, shuffles. */
import { philox, type RandomKey } from "./philox.ts";
import { randomKey } from "./randomKey.ts";

/**
 * A sequence that depends on nothing but its key and counters: the same arguments give the same numbers, on any machine.
 *
 * Up to 2^34 words can be drawn before they repeat.
 */
export class RandomSequence {
  readonly #key: RandomKey;
  readonly #counters: readonly [number, number, number];
  readonly #words = new Uint32Array(4);
  #block = 0;
  #used = 4;

  /** @param counters - where in the stream, for example epoch and text: whole numbers, taken modulo 2^32 */
  constructor(key: RandomKey, counters: readonly [number?, number?, number?] = []) {
    this.#key = key;
    this.#counters = [counters[0] ?? 0, counters[1] ?? 0, counters[2] ?? 0];
  }

  /** The sequence of a named stream of a seed. @throws RangeError for a seed that is not a whole number from 0 to 2^53 - 1 */
  static of(seed: number, stream: string, counters: readonly [number?, number?, number?] = []): RandomSequence {
    return new RandomSequence(randomKey(seed, stream), counters);
  }

  /** 32 random bits, as an unsigned number. */
  word(): number {
    if (this.#used === 4) {
      const [a, b, c] = this.#counters;
      philox(this.#key, [this.#block++, a, b, c], { out: this.#words });
      this.#used = 0;
    }
    return this.#words[this.#used++]!;
  }

  /** From 0 to below 1, in steps of 2^-32. */
  uniform(): number {
    return this.word() / 2 ** 32;
  }

  /** True with this probability (to 2^-32). */
  chance(probability: number): boolean {
    return this.uniform() < probability;
  }

  /** A whole number from 0 to below `limit`, each equally likely. @param limit - from 1 to 2^32 */
  below(limit: number): number {
    const usable = 2 ** 32 - (2 ** 32 % limit);
    for (;;) {
      const word = this.word();
      if (word < usable) return word % limit;
    }
  }

  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  /** Normally distributed with mean 0 and variance 1 (Box and Muller 1958; one of the two values is used). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log((this.word() + 1) / 2 ** 32));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Puts the entries in random order, in place (Fisher and Yates 1938, Durstenfeld 1964). @returns its argument */
  shuffle<T extends { readonly length: number; [index: number]: unknown }>(list: T): T {
    for (let i = list.length - 1; i > 0; i--) {
      const other = this.below(i + 1);
      const entry = list[i];
      list[i] = list[other];
      list[other] = entry;
    }
    return list;
  }
}
