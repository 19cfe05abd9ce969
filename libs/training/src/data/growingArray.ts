/** @file Lists of numbers of four bytes each, for tens of millions of entries. */

/** Entries that are allocated at once: a list that grows is never copied. */
const chunkSize = 1 << 16;

export class GrowingInt32 {
  readonly #chunks: Int32Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    const place = this.#length % chunkSize;
    if (place === 0) this.#chunks.push(new Int32Array(chunkSize));
    this.#chunks.at(-1)![place] = value;
    this.#length++;
  }

  /** @param index - from 0 to below `length` */
  at(index: number): number {
    return this.#chunks[Math.floor(index / chunkSize)]![index % chunkSize]!;
  }

  toArray(): Int32Array {
    const all = new Int32Array(this.#length);
    this.#chunks.forEach((chunk, i) => all.set(chunk.subarray(0, this.#length - i * chunkSize), i * chunkSize));
    return all;
  }
}

/** 0, 1, 2, ... (`Int32Array.from` would make a list of boxed numbers first.) */
export function countingUp(size: number): Int32Array {
  const numbers = new Int32Array(size);
  for (let i = 0; i < size; i++) numbers[i] = i;
  return numbers;
}

/**
 * Entries in order of their keys, equal ones as they stood (counting sort).
 *
 * @param keyOf - a whole number from 0 that is not large
 */
export function sortedByKey(entries: Int32Array, keyOf: (entry: number) => number): Int32Array {
  let largest = 0;
  for (const entry of entries) largest = Math.max(largest, keyOf(entry));
  const starts = new Int32Array(largest + 2);
  for (const entry of entries) starts[keyOf(entry) + 1]!++;
  for (let key = 0; key <= largest; key++) starts[key + 1]! += starts[key]!;
  const sorted = new Int32Array(entries.length);
  for (const entry of entries) sorted[starts[keyOf(entry)]!++] = entry;
  return sorted;
}
