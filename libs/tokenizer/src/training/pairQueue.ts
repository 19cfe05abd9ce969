/** @file Pairs to merge: the most frequent first, of equally frequent ones the lowest (left, right). */
import type { PairEntry, PairTable } from "./pairTable.ts";

export class PairQueue {
  readonly #pairs: PairTable;
  readonly #heap: PairEntry[] = [];

  constructor(pairs: PairTable) {
    this.#pairs = pairs;
  }

  push(entry: PairEntry): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(entry);
    for (let parent = (i - 1) >> 1; i > 0 && this.#isBefore(entry, heap[parent]); parent = (i - 1) >> 1) {
      heap[i] = heap[parent];
      i = parent;
    }
    heap[i] = entry;
  }

  pop(): PairEntry | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return last;
    let i = 0;
    for (let child = 1; child < heap.length; child = 2 * i + 1) {
      if (child + 1 < heap.length && this.#isBefore(heap[child + 1], heap[child])) child++;
      if (!this.#isBefore(heap[child], last)) break;
      heap[i] = heap[child];
      i = child;
    }
    heap[i] = last;
    return first;
  }

  #isBefore(a: PairEntry, b: PairEntry): boolean {
    if (a.count !== b.count) return a.count > b.count;
    if (a.pair === b.pair) return false;
    const [leftA, rightA] = this.#pairs.symbolsOf(a.pair);
    const [leftB, rightB] = this.#pairs.symbolsOf(b.pair);
    return leftA === leftB ? rightA < rightB : leftA < leftB;
  }
}
