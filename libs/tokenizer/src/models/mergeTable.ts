/** @file The merges of a BPE model: (left id, right id) to rank and id of the result, in one open-addressing hash table. */

export class MergeTable {
  readonly #lefts: Int32Array;
  readonly #rights: Int32Array;
  /** Rank + 1; 0 marks a free slot. */
  readonly #ranks: Int32Array;
  readonly #mask: number;
  readonly #resultOfRank: Int32Array;

  constructor(numMerges: number) {
    const capacity = 2 ** Math.ceil(Math.log2(Math.max(16, numMerges * 2)));
    this.#mask = capacity - 1;
    this.#lefts = new Int32Array(capacity);
    this.#rights = new Int32Array(capacity);
    this.#ranks = new Int32Array(capacity);
    this.#resultOfRank = new Int32Array(numMerges);
  }

  /** A pair that was set before takes the new rank. */
  set(pair: readonly [left: number, right: number], rank: number, result: number): void {
    const slot = this.#find(pair[0], pair[1]);
    this.#lefts[slot] = pair[0];
    this.#rights[slot] = pair[1];
    this.#ranks[slot] = rank + 1;
    this.#resultOfRank[rank] = result;
  }

  /** Rank of the merge of two neighbours, or -1; the lowest goes first. */
  rankOf(left: number, right: number): number {
    return this.#ranks[this.#find(left, right)] - 1;
  }

  resultOf(rank: number): number {
    return this.#resultOfRank[rank];
  }

  #find(left: number, right: number): number {
    const hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
    let slot = (hash ^ (hash >>> 15)) & this.#mask;
    while (this.#ranks[slot] !== 0 && (this.#lefts[slot] !== left || this.#rights[slot] !== right)) {
      slot = (slot + 1) & this.#mask;
    }
    return slot;
  }
}
