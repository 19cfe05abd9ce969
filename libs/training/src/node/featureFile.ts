/**
 * @file What a frozen encoder, or a teacher's layers, give for the examples of a set, in a file: written in any order, read example by example,
 * so that memory does not bound it. Nothing but values, little-endian, in the order of the set.
 *
 * Dimensions: D hidden size.
 */
import { closeSync, fsyncSync, openSync } from "node:fs";
import { readRange, writeRange } from "./data/fileRanges.ts";

export type FeatureLayout = {
  /** Numbers of the examples. */
  readonly examples: Int32Array;
  /** Rows that an example has. */
  readonly rowsOf: (example: number) => number;
  /** D */
  readonly width: number;
  /** Of values in the file; half of the bytes for about three decimal digits. Default: float32. */
  readonly dtype?: "float32" | "float16";
};

/** In bytes. @param numRows - of all examples */
export function featureBytes(numRows: number, { width, dtype }: Pick<FeatureLayout, "width" | "dtype">): number {
  return numRows * width * arrayOf(dtype).BYTES_PER_ELEMENT;
}

const arrayOf = (dtype: FeatureLayout["dtype"]) => (dtype === "float16" ? Float16Array : Float32Array);

export class FeatureFile {
  readonly #file: number;
  readonly #layout: FeatureLayout;
  /** First row of each example, by its number. */
  readonly #starts = new Map<number, number>();

  private constructor(file: number, layout: FeatureLayout) {
    this.#file = file;
    this.#layout = layout;
    let row = 0;
    for (const example of layout.examples) {
      this.#starts.set(example, row);
      row += layout.rowsOf(example);
    }
  }

  /** An empty one. @throws what `node:fs` throws */
  static create(path: string, layout: FeatureLayout): FeatureFile {
    return new FeatureFile(openSync(path, "w+"), layout);
  }

  /** One that was written. @throws what `node:fs` throws */
  static open(path: string, layout: FeatureLayout): FeatureFile {
    return new FeatureFile(openSync(path, "r"), layout);
  }

  /** @param rows - `[rows, D]` of examples one after another; in float16 what is above 65504 becomes infinite */
  write(examples: Int32Array, rows: Float32Array): void {
    let at = 0;
    for (const example of examples) {
      const size = this.#sizeOf(example);
      const part = rows.subarray(at, (at += size));
      const own = this.#layout.dtype === "float16" ? Float16Array.from(part) : part;
      writeRange(this.#file, new Uint8Array(own.buffer, own.byteOffset, own.byteLength), this.#positionOf(example));
    }
    if (at !== rows.length) throw new Error(`internal: expected ${at} values for these examples, got ${rows.length}`);
  }

  /** `[rows, D]` */
  read(example: number): Float32Array {
    const rows = new (arrayOf(this.#layout.dtype))(this.#sizeOf(example));
    readRange(this.#file, new Uint8Array(rows.buffer), this.#positionOf(example));
    return rows instanceof Float32Array ? rows : Float32Array.from(rows);
  }

  /** On the disk when it returns. */
  sync(): void {
    fsyncSync(this.#file);
  }

  close(): void {
    closeSync(this.#file);
  }

  #sizeOf(example: number): number {
    return this.#layout.rowsOf(example) * this.#layout.width;
  }

  #positionOf(example: number): number {
    const start = this.#starts.get(example);
    if (start === undefined) throw new Error(`internal: features of example ${example}, which the set does not have`);
    return featureBytes(start, this.#layout);
  }
}
