/** @file A binary heap of numbers, lowest first. */

export class MinHeap {
  #items: Float64Array;
  #size = 0;

  constructor(capacity: number) {
    this.#items = new Float64Array(Math.max(16, capacity));
  }

  push(value: number): void {
    if (this.#size === this.#items.length) {
      const grown = new Float64Array(this.#items.length * 2);
      grown.set(this.#items);
      this.#items = grown;
    }
    let i = this.#size++;
    for (let parent = (i - 1) >> 1; i > 0 && this.#items[parent] > value; parent = (i - 1) >> 1) {
      this.#items[i] = this.#items[parent];
      i = parent;
    }
    this.#items[i] = value;
  }

  /** Removes and returns the lowest, or `undefined` when there is none. */
  pop(): number | undefined {
    if (this.#size === 0) return undefined;
    const items = this.#items;
    const lowest = items[0];
    const value = items[--this.#size];
    let i = 0;
    for (let child = 1; child < this.#size; child = 2 * i + 1) {
      if (child + 1 < this.#size && items[child + 1] < items[child]) child++;
      if (items[child] >= value) break;
      items[i] = items[child];
      i = child;
    }
    items[i] = value;
    return lowest;
  }
}
