/**
 * @file The element types of the safetensors format and their sizes.
 *
 * Follows `Dtype` of the reference implementation (huggingface/safetensors 0.8.0, safetensors/src/tensor.rs).
 */

/**
 * Bits per element. The order is the reference implementation's: a writer puts the last type first, so that tensors of
 * wide types start at aligned offsets.
 */
const bitsOf = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const;

export type SafetensorsDtype = keyof typeof bitsOf;

/** All element types, in the reference implementation's order (narrow before wide). */
export const safetensorsDtypes = Object.keys(bitsOf) as readonly SafetensorsDtype[];

export function isSafetensorsDtype(text: string): text is SafetensorsDtype {
  return Object.hasOwn(bitsOf, text);
}

/**
 * Bytes of a dense tensor, or undefined when there is no such size: the count of elements is not a safe integer, or a
 * type narrower than a byte does not fill its last byte (the reference implementation refuses both).
 */
export function tensorBytes(dtype: SafetensorsDtype, shape: readonly number[]): number | undefined {
  let elements = 1;
  for (const size of shape) {
    elements *= size;
    if (!Number.isSafeInteger(elements)) return undefined;
  }
  const bits = elements * bitsOf[dtype];
  return Number.isSafeInteger(bits) && bits % 8 === 0 ? bits / 8 : undefined;
}

/** The largest number that float16 has. */
export const MAX_FLOAT16 = 65_504;
