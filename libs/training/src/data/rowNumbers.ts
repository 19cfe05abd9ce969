/** @file Which row each example is of; takes no memory while each row makes one example. */
import { GrowingInt32 } from "./growingArray.ts";

export class RowNumbers {
  #numbers: GrowingInt32 | undefined;
  #length = 0;

  /** Examples. */
  get length(): number {
    return this.#length;
  }

  push(row: number): void {
    if (this.#numbers === undefined && row !== this.#length) {
      this.#numbers = new GrowingInt32();
      for (let example = 0; example < this.#length; example++) this.#numbers.push(example);
    }
    this.#numbers?.push(row);
    this.#length++;
  }

  /** @param example - from 0 to below `length` */
  at(example: number): number {
    return this.#numbers?.at(example) ?? example;
  }
}
