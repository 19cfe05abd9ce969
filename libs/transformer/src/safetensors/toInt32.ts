/** @file Tensor bytes as 32-bit integers: ids, lengths and positions that a checkpoint stores as I32 or I64. */
import type { SafetensorsDtype } from "./dtype.ts";
import { SafetensorsError } from "./errors.ts";
import { alignedTo } from "./toFloat32.ts";

/**
 * Values of an I32 or I64 tensor.
 *
 * @param bytes - little-endian values, a whole number of them
 * @param where - names for messages
 * @returns for I32 a view of `bytes` when they lie on a multiple of 4, else new memory
 * @throws SafetensorsError `value_out_of_range` when a value is outside -2^31 to 2^31 - 1, `dtype_unsupported` for
 * other types
 */
export function toInt32(
  bytes: Uint8Array,
  dtype: SafetensorsDtype,
  where: { readonly file?: string; readonly tensor?: string } = {},
): Int32Array {
  const names = { file: where.file ?? "safetensors", ...(where.tensor === undefined ? {} : { tensor: where.tensor }) };
  const aligned = alignedTo(bytes, 4);
  const words = () => new Int32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
  if (dtype === "I32") return words();
  if (dtype !== "I64") {
    throw new SafetensorsError({
      ...names,
      code: "dtype_unsupported",
      expected: "a tensor of I32 or I64",
      found: dtype,
      remedy: "read it as float32, or convert the checkpoint in Python",
    });
  }
  const halves = words();
  const values = new Int32Array(halves.length / 2);
  for (let i = 0; i < values.length; i++) {
    const low = halves[2 * i] ?? 0;
    const high = halves[2 * i + 1] ?? 0;
    // The upper half of a value that fits is the sign of the lower half.
    if (high !== low >> 31) {
      throw new SafetensorsError({
        ...names,
        code: "value_out_of_range",
        expected: "values from -2^31 to 2^31 - 1",
        found: `${(BigInt(high) << 32n) | BigInt(low >>> 0)} at index ${i}`,
        remedy: "larger integers are not supported here",
      });
    }
    values[i] = low;
  }
  return values;
}
