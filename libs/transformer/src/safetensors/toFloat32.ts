/**
 * @file Tensor bytes as float32 values.
 *
 * F16 and BF16 are widened exactly (subnormals, infinities; a NaN keeps its payload); F64 is rounded to nearest, ties
 * to even, as PyTorch's `.float()` does. Little-endian machines only, as everything in this project.
 */
import type { SafetensorsDtype } from "./dtype.ts";
import { SafetensorsError } from "./errors.ts";

/**
 * Values of a float tensor.
 *
 * @param bytes - little-endian values, a whole number of them
 * @param where - names for messages
 * @returns for F32 a view of `bytes` when they lie on a multiple of 4, else new memory
 * @throws SafetensorsError `dtype_unsupported` for every type but F32, F16, BF16 and F64
 */
export function toFloat32(
  bytes: Uint8Array,
  dtype: SafetensorsDtype,
  where: { readonly file?: string; readonly tensor?: string } = {},
): Float32Array {
  if (dtype === "F16") return widen(bytes, halfTable());
  if (dtype === "BF16") return widen(bytes, undefined);
  if (dtype === "F32") {
    const aligned = alignedTo(bytes, 4);
    return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
  }
  if (dtype === "F64") {
    const aligned = alignedTo(bytes, 8);
    return new Float32Array(new Float64Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 8));
  }
  throw new SafetensorsError({
    code: "dtype_unsupported",
    file: where.file ?? "safetensors",
    ...(where.tensor === undefined ? {} : { tensor: where.tensor }),
    expected: "a tensor of F32, F16, BF16 or F64",
    found: dtype,
    remedy: "convert the checkpoint in Python: model.float().save_pretrained(folder)",
  });
}

/** `bytes`, or a copy that begins on a multiple of `size`. */
export function alignedTo(bytes: Uint8Array, size: number): Uint8Array {
  return bytes.byteOffset % size === 0 ? bytes : bytes.slice();
}

/** Each 16-bit pattern to the float32 pattern of the table, or shifted into the upper half (BF16). */
function widen(bytes: Uint8Array, table: Uint32Array | undefined): Float32Array {
  const aligned = alignedTo(bytes, 2);
  const patterns = new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 2);
  const widened = new Uint32Array(patterns.length);
  for (let i = 0; i < patterns.length; i++) {
    const pattern = patterns[i] ?? 0;
    widened[i] = table ? (table[pattern] ?? 0) : pattern << 16;
  }
  return new Float32Array(widened.buffer);
}

let halves: Uint32Array | undefined;

/** The float32 pattern of each of the 65,536 IEEE 754 binary16 patterns. */
function halfTable(): Uint32Array {
  halves ??= Uint32Array.from({ length: 65_536 }, (_, pattern) => floatPatternOfHalf(pattern));
  return halves;
}

function floatPatternOfHalf(pattern: number): number {
  const sign = (pattern & 0x8000) << 16;
  const exponent = (pattern >> 10) & 0x1f;
  const fraction = pattern & 0x3ff;
  if (exponent === 0x1f) return (sign | 0x7f80_0000 | (fraction << 13)) >>> 0;
  if (exponent !== 0) return (sign | ((exponent + 127 - 15) << 23) | (fraction << 13)) >>> 0;
  if (fraction === 0) return sign >>> 0;
  // Subnormal: fraction x 2^-24. Its leading one, at bit `top`, becomes float32's hidden one.
  const top = 31 - Math.clz32(fraction);
  return (sign | ((top - 24 + 127) << 23) | ((fraction << (23 - top)) & 0x7f_ffff)) >>> 0;
}
