/**
 * @file Python's random numbers (Mersenne Twister of Matsumoto and Nishimura 1998, as CPython 3.11 seeds and uses it), for
 * comparison with programs that draw them.
 */
import type { MaskRandom } from "../masking.ts";

const size = 624;
const middle = 397;

export class PythonRandom implements MaskRandom {
  readonly #state = new Uint32Array(size);
  #next = size;

  /** @param seed - below 2^32 */
  constructor(seed: number) {
    const state = this.#state;
    state[0] = 19_650_218;
    for (let i = 1; i < size; i++) state[i] = Math.imul(1_812_433_253, mixed(state[i - 1]!)) + i;
    let i = 1;
    for (let k = 0; k < size; k++) {
      state[i] = (state[i]! ^ Math.imul(mixed(state[i - 1]!), 1_664_525)) + seed;
      i = this.#advanced(i);
    }
    for (let k = 0; k < size - 1; k++) {
      state[i] = (state[i]! ^ Math.imul(mixed(state[i - 1]!), 1_566_083_941)) - i;
      i = this.#advanced(i);
    }
    state[0] = 0x80000000;
  }

  /** `random()`: 53 bits. */
  uniform(): number {
    const [upper, lower] = [this.#word() >>> 5, this.#word() >>> 6];
    return (upper * 2 ** 26 + lower) / 2 ** 53;
  }

  /** `randint(least, most)` */
  between(least: number, most: number): number {
    return least + this.#below(most - least + 1);
  }

  shuffle<T extends { readonly length: number; [index: number]: unknown }>(list: T): T {
    for (let i = list.length - 1; i > 0; i--) {
      const other = this.#below(i + 1);
      [list[i], list[other]] = [list[other], list[i]];
    }
    return list;
  }

  #below(limit: number): number {
    const numBits = 32 - Math.clz32(limit);
    for (;;) {
      const bits = this.#word() >>> (32 - numBits);
      if (bits < limit) return bits;
    }
  }

  #advanced(i: number): number {
    if (i + 1 < size) return i + 1;
    this.#state[0] = this.#state[size - 1]!;
    return 1;
  }

  #word(): number {
    if (this.#next === size) this.#twist();
    let word = this.#state[this.#next++]!;
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c5680;
    word ^= (word << 15) & 0xefc60000;
    return (word ^ (word >>> 18)) >>> 0;
  }

  #twist(): void {
    const state = this.#state;
    for (let i = 0; i < size; i++) {
      const bits = (state[i]! & 0x80000000) | (state[(i + 1) % size]! & 0x7fffffff);
      state[i] = state[(i + middle) % size]! ^ (bits >>> 1) ^ (bits & 1 ? 0x9908b0df : 0);
    }
    this.#next = 0;
  }
}

function mixed(word: number): number {
  return word ^ (word >>> 30);
}
