/**
 * @file Where a model's weights come from: named tensors that are read one by one.
 *
 * The rest of the project knows this interface only. Names are Hugging Face's, unchanged.
 */
import type { SafetensorsDtype } from "./dtype.ts";

export type WeightEntry = {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** Size of the tensor as it is stored. */
  readonly bytes: number;
  /** Where the stored bytes lie, when they lie in a file: an engine may read them from there by itself. */
  readonly location?: WeightLocation;
};

export type WeightLocation = {
  /** Absolute path with all symbolic links followed. */
  readonly file: string;
  /** First byte, counted from the beginning of the file. */
  readonly offset: number;
  readonly length: number;
};

/**
 * Read access to named tensors.
 *
 * Opening one reads no tensor. What a read returns belongs to the caller and is never shared between two reads. Reads
 * may run at the same time. After `close` every read rejects with SafetensorsError `weights_closed`; reads under way
 * end first.
 */
export interface WeightSource extends AsyncDisposable {
  /** All tensor names, in the order in which they are stored. */
  names(): readonly string[];
  has(name: string): boolean;
  /** @throws SafetensorsError `tensor_not_found` */
  entry(name: string): WeightEntry;
  /**
   * Values of a float tensor (F32, F16, BF16, F64) in row-major order.
   *
   * @throws SafetensorsError `tensor_not_found`, `dtype_unsupported`, or `safetensors_truncated` when the file has
   * shrunk
   */
  readFloat32(name: string): Promise<Float32Array>;
  /**
   * Values of an integer tensor (I32, I64) in row-major order.
   *
   * @throws SafetensorsError as `readFloat32`, and `value_out_of_range`
   */
  readInt32(name: string): Promise<Int32Array>;
  /** The stored bytes, little-endian, of any dtype. */
  readBytes(name: string): Promise<Uint8Array>;
  /** Tensor bytes read so far; headers do not count. Shows that a stage reads its own layers only. */
  readonly bytesRead: number;
  close(): Promise<void>;
}
