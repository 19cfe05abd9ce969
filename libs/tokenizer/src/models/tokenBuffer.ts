/** @file A growing list of tokens as three parallel arrays: id, start, end. */

const initialCapacity = 256;
/** A cleared buffer gives up more room than this. */
const keptCapacity = 65_536;

export class TokenBuffer {
  ids = new Int32Array(initialCapacity);
  starts = new Int32Array(initialCapacity);
  ends = new Int32Array(initialCapacity);
  length = 0;

  clear(): void {
    this.length = 0;
    if (this.ids.length > keptCapacity) this.#resize(initialCapacity);
  }

  push(id: number, start: number, end: number): void {
    if (this.length === this.ids.length) this.#reserve(this.length + 1);
    this.ids[this.length] = id;
    this.starts[this.length] = start;
    this.ends[this.length] = end;
    this.length++;
  }

  /** Appends ids alone; their starts and ends are not defined. */
  pushIds(ids: Int32Array): void {
    if (this.length + ids.length > this.ids.length) this.#reserve(this.length + ids.length);
    for (let i = 0; i < ids.length; i++) this.ids[this.length + i] = ids[i];
    this.length += ids.length;
  }

  #reserve(atLeast: number): void {
    this.#resize(Math.max(atLeast, this.ids.length * 2));
  }

  #resize(capacity: number): void {
    const resized = (old: Int32Array) => {
      const array = new Int32Array(capacity);
      array.set(old.subarray(0, Math.min(this.length, capacity)));
      return array;
    };
    this.ids = resized(this.ids);
    this.starts = resized(this.starts);
    this.ends = resized(this.ends);
  }
}
