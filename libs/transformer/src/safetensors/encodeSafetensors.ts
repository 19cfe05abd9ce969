/**
 * @file Tensors as the bytes of a safetensors file.
 *
 * Follows `prepare` and `serialize` of the reference implementation (huggingface/safetensors 0.8.0) to the byte:
 * tensors of wide types first, then by name in the order of UTF-8 bytes; header padded with spaces to a multiple of 8.
 */
import { safetensorsDtypes, tensorBytes } from "./dtype.ts";
import type { SafetensorsDtype } from "./dtype.ts";
import { SafetensorsError } from "./errors.ts";
import { lengthFieldBytes, maxHeaderBytes } from "./parseSafetensorsHeader.ts";

export type TensorLayout = { readonly dtype: SafetensorsDtype; readonly shape: readonly number[] };

/** `data` holds the values in row-major order; its element type is not looked at, only its bytes. */
export type SafetensorsTensor = TensorLayout & { readonly data: ArrayBufferView };

export type SafetensorsMetadata = Readonly<Record<string, string>>;

/** What `transformers` asks for in a file that it loads. */
export const defaultMetadata: SafetensorsMetadata = { format: "pt" };

export type SafetensorsLayout = {
  /** Length field and header: the file up to its first tensor. */
  readonly header: Uint8Array;
  /** Tensor names in the order of their bytes. */
  readonly order: readonly string[];
  readonly fileBytes: number;
};

/**
 * The whole file in memory.
 *
 * @param metadata - texts for `__metadata__`
 * @throws SafetensorsError when a tensor's data has not the size of its shape, or a name cannot be written
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, SafetensorsTensor>,
  metadata: SafetensorsMetadata = defaultMetadata,
): Uint8Array {
  const { header, order, fileBytes } = layoutSafetensors(tensors, metadata);
  const bytes = new Uint8Array(fileBytes);
  bytes.set(header);
  let at = header.length;
  for (const name of order) {
    const tensor = tensors.get(name);
    if (!tensor) throw new Error(`internal: the layout names ${name}, which is not among the tensors`);
    const data = checkedBytes(name, tensor, tensor.data);
    bytes.set(data, at);
    at += data.length;
  }
  return bytes;
}

/**
 * Header and order of a file whose tensor bytes are written by someone else.
 *
 * @throws SafetensorsError when a name or shape cannot be written, or the header would exceed 100 MB
 */
export function layoutSafetensors(
  tensors: ReadonlyMap<string, TensorLayout>,
  metadata: SafetensorsMetadata = defaultMetadata,
): SafetensorsLayout {
  const sorted = [...tensors]
    .map(([name, tensor]) => ({ name, key: new TextEncoder().encode(checkedName(name)), ...tensor }))
    .toSorted((a, b) => rankOf(b.dtype) - rankOf(a.dtype) || compareBytes(a.key, b.key));
  const members = [`"__metadata__":${checkedMetadata(metadata)}`];
  let end = 0;
  for (const { name, dtype, shape } of sorted) {
    const begin = end;
    end += checkedSize(name, { dtype, shape });
    // Written by hand because an object would sort keys that look like numbers to the front.
    members.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`);
  }
  const header = framed(`{${members.join(",")}}`);
  return { header, order: sorted.map(({ name }) => name), fileBytes: header.length + end };
}

/** The bytes of `data`, once their number is that of the tensor's shape. */
export function checkedBytes(name: string, tensor: TensorLayout, data: ArrayBufferView): Uint8Array {
  const size = checkedSize(name, tensor);
  if (data.byteLength !== size) {
    throw writeError(name, {
      expected: `${size} bytes for ${tensor.dtype} [${tensor.shape.join(", ")}]`,
      found: `${data.byteLength}`,
    });
  }
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function framed(json: string): Uint8Array {
  const text = new TextEncoder().encode(json);
  const headerBytes = Math.ceil(text.length / lengthFieldBytes) * lengthFieldBytes;
  if (headerBytes > maxHeaderBytes) {
    throw writeError(undefined, { expected: `a header of at most ${maxHeaderBytes} bytes`, found: `${headerBytes}` });
  }
  const framedBytes = new Uint8Array(lengthFieldBytes + headerBytes).fill(0x20);
  new DataView(framedBytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  framedBytes.set(text, lengthFieldBytes);
  return framedBytes;
}

function checkedName(name: string): string {
  if (name === "__metadata__" || !name.isWellFormed()) {
    throw writeError(name, { expected: "a name of Unicode text other than __metadata__", found: "this one" });
  }
  return name;
}

function checkedMetadata(metadata: SafetensorsMetadata): string {
  for (const [key, text] of Object.entries(metadata)) {
    if (key.isWellFormed() && text.isWellFormed()) continue;
    throw writeError("__metadata__", { expected: "keys and texts of Unicode text", found: "a lone surrogate" });
  }
  return JSON.stringify(metadata);
}

function checkedSize(name: string, { dtype, shape }: TensorLayout): number {
  const size = shape.every((length) => Number.isSafeInteger(length) && length >= 0)
    ? tensorBytes(dtype, shape)
    : undefined;
  if (size === undefined) {
    throw writeError(name, { expected: "a shape of whole numbers", found: `${dtype} [${shape.join(", ")}]` });
  }
  return size;
}

function writeError(tensor: string | undefined, facts: { expected: string; found: string }): SafetensorsError {
  const where = { file: "safetensors to be written", ...(tensor === undefined ? {} : { tensor }) };
  return new SafetensorsError({ ...where, ...facts, code: "safetensors_invalid", remedy: "nothing was written" });
}

function rankOf(dtype: SafetensorsDtype): number {
  return safetensorsDtypes.indexOf(dtype);
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
