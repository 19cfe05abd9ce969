/** @file A typed list that grows: four bytes an entry, also for tens of millions of entries. */

export class GrowingInt32 {
  #values = new Int32Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const larger = new Int32Array(this.#length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length++] = value;
  }

  /** The entries so far; a view that later ones do not reach. */
  values(): Int32Array {
    return this.#values.subarray(0, this.#length);
  }
}
