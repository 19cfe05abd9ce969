/**
 * @file Memory of large tensors that live for a part of a step, used again when they have been given back.
 *
 * A training step keeps hundreds of megabytes between its forward and its backward pass; fresh memory of that size costs
 * more than the arithmetic that fills it. Sizes differ with every packed batch: a buffer serves whatever fits it without wasting
 * half, and one that turns out too small is let go of for a larger one. So there are as many as are in use at a time, as large as
 * the largest batch so far asked for.
 */
import type { TensorData } from "./engine.ts";

/** Capacities are of 1/8 octave, so that a batch that is a little larger than the last one still fits. */
const STEPS_PER_OCTAVE = 8;
const SMALLEST = 1024;

/** The smallest capacity of the scale that holds `size` values. */
export function capacityFor(size: number): number {
  if (size <= SMALLEST) return SMALLEST;
  const octave = 2 ** Math.floor(Math.log2(size));
  const step = octave / STEPS_PER_OCTAVE;
  return Math.ceil(size / step) * step;
}

export class BufferPool {
  /** Smallest first. */
  readonly #free: ArrayBufferLike[] = [];
  readonly #isShared: boolean;

  /** @param isShared - whether other threads can have its memory as well */
  constructor({ isShared = false }: { readonly isShared?: boolean } = {}) {
    this.#isShared = isShared;
  }

  /** A view of `size` values; they are whatever was there before. */
  take(size: number): Float32Array {
    const bytes = size * Float32Array.BYTES_PER_ELEMENT;
    const fitting = this.#firstFrom(bytes);
    const isFit = (at: number) => this.#free[at] !== undefined && this.#free[at].byteLength <= 2 * bytes;
    if (isFit(fitting)) return new Float32Array(this.#free.splice(fitting, 1)[0], 0, size);
    // The next smaller one would have done for a smaller batch.
    if (fitting > 0 && 2 * this.#free[fitting - 1].byteLength >= bytes) this.#free.splice(fitting - 1, 1);
    return new Float32Array(this.#allocate(capacityFor(size) * Float32Array.BYTES_PER_ELEMENT), 0, size);
  }

  /** @param data - what `take` gave; nobody may use it afterwards */
  giveBack({ buffer }: TensorData): void {
    this.#free.splice(this.#firstFrom(buffer.byteLength), 0, buffer);
  }

  /** Let go of what is not in use. */
  clear(): void {
    this.#free.length = 0;
  }

  /** Place of the first buffer of at least so many bytes. */
  #firstFrom(bytes: number): number {
    const at = this.#free.findIndex(({ byteLength }) => byteLength >= bytes);
    return at === -1 ? this.#free.length : at;
  }

  #allocate(bytes: number): ArrayBufferLike {
    return this.#isShared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes);
  }
}
