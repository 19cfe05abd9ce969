/**
 * @file Memory of tensors that are kept in the engine between two runs, used again when they have been given back.
 *
 * A training step keeps hundreds of megabytes between its forward and its backward pass; fresh memory of that size costs
 * more than the arithmetic that fills it. Sizes differ with every packed batch, so buffers come in sizes of 1/8 octave.
 */
import type { TensorData } from "../engine.ts";

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
  readonly #free = new Map<number, ArrayBuffer[]>();

  /** A view of `size` values; they are whatever was there before. */
  take(size: number): Float32Array {
    const capacity = capacityFor(size);
    const buffer = this.#free.get(capacity)?.pop() ?? new ArrayBuffer(capacity * Float32Array.BYTES_PER_ELEMENT);
    return new Float32Array(buffer, 0, size);
  }

  /** @param data - what `take` gave; nobody may use it afterwards */
  giveBack({ buffer, byteLength }: TensorData): void {
    const capacity = capacityFor(byteLength / Float32Array.BYTES_PER_ELEMENT);
    const free = this.#free.get(capacity) ?? [];
    free.push(buffer as ArrayBuffer);
    this.#free.set(capacity, free);
  }

  /** Let go of what is not in use. */
  clear(): void {
    this.#free.clear();
  }
}
