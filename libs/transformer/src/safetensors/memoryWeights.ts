/** @file A WeightSource over arrays in memory: for tests, and for weights that were just initialized. */
import { tensorBytes } from "./dtype.ts";
import { SafetensorsError } from "./errors.ts";
import { closedError, missingError } from "./fileWeights.ts";
import { toInt32 } from "./toInt32.ts";
import type { WeightEntry, WeightSource } from "./weightSource.ts";

export type MemoryTensor = { readonly shape: readonly number[]; readonly data: Float32Array };

const file = "weights in memory";

/**
 * Weights as F32 tensors. The arrays are copied at each read, not here.
 *
 * @param tensors - by name; `data` in row-major order
 * @throws SafetensorsError when an array's length is not its shape's
 */
export function memoryWeights(tensors: ReadonlyMap<string, MemoryTensor>): WeightSource {
  for (const [tensor, { shape, data }] of tensors) {
    if (tensorBytes("F32", shape) === data.byteLength) continue;
    throw new SafetensorsError({
      code: "safetensors_invalid",
      file,
      tensor,
      expected: `values for the shape [${shape.join(", ")}]`,
      found: `${data.length}`,
      remedy: "give as many values as the product of the shape",
    });
  }
  return new MemoryWeights(tensors);
}

class MemoryWeights implements WeightSource {
  readonly #tensors: ReadonlyMap<string, MemoryTensor>;
  #isClosed = false;
  bytesRead = 0;

  constructor(tensors: ReadonlyMap<string, MemoryTensor>) {
    this.#tensors = tensors;
  }

  names(): readonly string[] {
    return [...this.#tensors.keys()];
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  entry(name: string): WeightEntry {
    const { shape, data } = this.#tensor(name);
    return { dtype: "F32", shape, bytes: data.byteLength };
  }

  async readFloat32(name: string): Promise<Float32Array> {
    const { data } = this.#tensor(name);
    if (this.#isClosed) throw closedError(file, name);
    this.bytesRead += data.byteLength;
    return data.slice();
  }

  async readInt32(name: string): Promise<Int32Array> {
    return toInt32(await this.readBytes(name), "F32", { file, tensor: name });
  }

  async readBytes(name: string): Promise<Uint8Array> {
    return new Uint8Array((await this.readFloat32(name)).buffer);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #tensor(name: string): MemoryTensor {
    const tensor = this.#tensors.get(name);
    if (!tensor) throw missingError({ file, tensor: name, count: this.#tensors.size });
    return tensor;
  }
}
