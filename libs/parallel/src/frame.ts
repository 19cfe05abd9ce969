/**
 * @file Frames: what travels on a data link between neighbours. docs/PROTOCOL.md has the byte table.
 *
 * A frame is one WebSocket message: a 64-byte header, a table of 64 bytes per tensor, a little JSON, then raw little-endian
 * tensors at multiples of 64 bytes, so that a receiver can look at them without copying. Everything is little-endian.
 * A frame is validated in full before anything is made of it: sizes against the message itself, types and shapes against the
 * bytes they claim, and a checksum over all of it.
 */
import { FrameError } from "./errors.ts";

export const PROTOCOL_VERSION = 2;

export const frameKinds = ["hello", "welcome", "forward", "result", "credit", "backward", "shared"] as const;
/**
 * `hello`, `welcome`: the two ends of a link agree · `forward`: a micro-batch for the next stage · `result`: what the last
 * stage made of it · `credit`: the receiver can take more micro-batches · `backward`: a gradient for the stage before ·
 * `shared`: the gradient of a weight that the first and the last stage hold in common.
 */
export type FrameKind = (typeof frameKinds)[number];

export type FrameTensor = {
  readonly name: string;
  readonly dtype: "float32" | "int32";
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
};

export type Frame = {
  readonly kind: FrameKind;
  /** Training run; 0 is serving. */
  readonly run: number;
  /** Generation of the pipeline: grows whenever one of its stages is replaced. Frames of another epoch are dropped. */
  readonly epoch: number;
  /** Optimizer step of a training run; 0 in serving. */
  readonly step: number;
  readonly microBatch: number;
  /** How often this micro-batch was given to a pipeline before. */
  readonly attempt: number;
  readonly meta: Readonly<Record<string, unknown>>;
  readonly tensors: readonly FrameTensor[];
};

/** CRC-32 (polynomial 0xEDB88320) of `bytes`, continued from `previous`; node:zlib has it, browsers bring their own. */
export type Crc32 = (bytes: Uint8Array, previous?: number) => number;

const MAGIC = 0x31434753; // "SGC1"
const HEADER_BYTES = 64;
const ENTRY_BYTES = 64;
const NAME_BYTES = 24;
const ALIGNMENT = 64;
const MAX_RANK = 4;
const MAX_TENSORS = 16;
const MAX_META_BYTES = 64 * 1024;
const CHECKSUM_AT = 48;

const kindCodes: Readonly<Record<FrameKind, number>> = {
  hello: 1,
  welcome: 2,
  forward: 3,
  result: 4,
  credit: 5,
  backward: 6,
  shared: 7,
};
const dtypes = { 1: "float32", 2: "int32" } as const;

const aligned = (bytes: number) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
const sizeOf = (shape: readonly number[]) => shape.reduce((size, dim) => size * dim, 1);

/** Largest frame that carries `payloadBytes` of tensors: what a link's `maxFrameBytes` must allow. */
export function frameBytesFor(payloadBytes: number): number {
  return HEADER_BYTES + MAX_TENSORS * (ENTRY_BYTES + ALIGNMENT) + MAX_META_BYTES + payloadBytes;
}

/** Bytes of one WebSocket message. */
export function encodeFrame(frame: Frame, crc32: Crc32): Uint8Array {
  const names = frame.tensors.map(({ name }) => new TextEncoder().encode(name));
  const meta = new TextEncoder().encode(JSON.stringify(frame.meta));
  expectEncodable(frame, { names, meta });
  const metaStart = HEADER_BYTES + frame.tensors.length * ENTRY_BYTES;
  const starts: number[] = [];
  let end = aligned(metaStart + meta.length);
  for (const { data } of frame.tensors) {
    starts.push(end);
    end = aligned(end + data.byteLength);
  }
  const bytes = new Uint8Array(end);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, PROTOCOL_VERSION, true);
  view.setUint16(6, kindCodes[frame.kind], true);
  view.setUint32(8, frame.epoch, true);
  view.setUint32(12, frame.step, true);
  view.setBigUint64(16, BigInt(frame.run), true);
  view.setUint32(24, frame.microBatch, true);
  view.setUint16(28, frame.attempt, true);
  view.setUint16(30, frame.tensors.length, true);
  view.setUint32(32, meta.length, true);
  view.setBigUint64(40, BigInt(end), true);
  frame.tensors.forEach((tensor, index) => {
    const at = HEADER_BYTES + index * ENTRY_BYTES;
    bytes.set(names[index]!, at);
    view.setUint8(at + 24, tensor.dtype === "float32" ? 1 : 2);
    view.setUint8(at + 25, tensor.shape.length);
    tensor.shape.forEach((dim, axis) => view.setBigUint64(at + 32 + axis * 8, BigInt(dim), true));
    bytes.set(new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength), starts[index]);
  });
  bytes.set(meta, metaStart);
  view.setUint32(CHECKSUM_AT, crc32(bytes), true);
  return bytes;
}

function expectEncodable(
  { tensors }: Frame,
  { names, meta }: { readonly names: readonly Uint8Array[]; readonly meta: Uint8Array },
): void {
  if (tensors.length > MAX_TENSORS || names.some(({ length }) => length > NAME_BYTES) || meta.length > MAX_META_BYTES) {
    throw new FrameError(
      `encodeFrame: at most ${MAX_TENSORS} tensors, names of ${NAME_BYTES} bytes and ${MAX_META_BYTES} bytes of JSON fit a frame`,
    );
  }
  for (const { name, shape, data } of tensors) {
    if (shape.length > MAX_RANK || sizeOf(shape) !== data.length) {
      throw new FrameError(
        `encodeFrame: tensor "${name}": expected at most ${MAX_RANK} dimensions that hold its ${data.length} values, got [${shape.join(", ")}]`,
      );
    }
  }
}

/**
 * Read a message as a frame. Tensors are views of `bytes` where its alignment allows, else copies.
 *
 * @throws FrameError when anything is not as it must be; nothing is allocated for claims that the message does not fill
 */
export function decodeFrame(bytes: Uint8Array, crc32: Crc32): Frame {
  if (bytes.length < HEADER_BYTES)
    throw new FrameError(`frame: expected at least ${HEADER_BYTES} bytes, got ${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== MAGIC)
    throw new FrameError("frame: expected it to begin with SGC1 (is the peer a Stagecoach worker?)");
  const version = view.getUint16(4, true);
  if (version !== PROTOCOL_VERSION) {
    throw new FrameError(
      `frame: expected protocol version ${PROTOCOL_VERSION}, got ${version} (run the same release on both ends)`,
    );
  }
  const claimed = view.getBigUint64(40, true);
  if (claimed !== BigInt(bytes.length))
    throw new FrameError(`frame: it claims ${claimed} bytes, the message has ${bytes.length}`);
  expectChecksum(bytes, view, crc32);
  const numTensors = view.getUint16(30, true);
  const metaLength = view.getUint32(32, true);
  const metaStart = HEADER_BYTES + numTensors * ENTRY_BYTES;
  if (numTensors > MAX_TENSORS || metaLength > MAX_META_BYTES || metaStart + metaLength > bytes.length) {
    throw new FrameError(
      `frame: ${numTensors} tensors and ${metaLength} bytes of JSON do not fit ${bytes.length} bytes`,
    );
  }
  return {
    kind: kindOf(view.getUint16(6, true)),
    epoch: view.getUint32(8, true),
    step: view.getUint32(12, true),
    run: safeInteger("run", view.getBigUint64(16, true)),
    microBatch: view.getUint32(24, true),
    attempt: view.getUint16(28, true),
    meta: readMeta(bytes.subarray(metaStart, metaStart + metaLength)),
    tensors: readTensors(bytes, view, { numTensors, start: aligned(metaStart + metaLength) }),
  };
}

/** The checksum was taken while its own field was 0. */
function expectChecksum(bytes: Uint8Array, view: DataView, crc32: Crc32): void {
  const expected = view.getUint32(CHECKSUM_AT, true);
  const before = crc32(bytes.subarray(0, CHECKSUM_AT));
  const actual = crc32(bytes.subarray(CHECKSUM_AT + 4), crc32(new Uint8Array(4), before));
  if (actual !== expected)
    throw new FrameError(
      `frame: checksum ${actual.toString(16)} instead of ${expected.toString(16)} (damaged on the way)`,
    );
}

function kindOf(code: number): FrameKind {
  const kind = frameKinds.find((each) => kindCodes[each] === code);
  if (kind === undefined) throw new FrameError(`frame: expected kind 1 to ${frameKinds.length}, got ${code}`);
  return kind;
}

function safeInteger(field: string, value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new FrameError(`frame: ${field} is out of range: ${value}`);
  return Number(value);
}

function readMeta(bytes: Uint8Array): Record<string, unknown> {
  let meta: unknown;
  try {
    meta = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new FrameError("frame: its JSON does not parse", { cause });
  }
  if (typeof meta !== "object" || meta === null || Array.isArray(meta))
    throw new FrameError("frame: its JSON is not an object");
  return meta as Record<string, unknown>;
}

function readTensors(
  bytes: Uint8Array,
  view: DataView,
  table: { readonly numTensors: number; readonly start: number },
): FrameTensor[] {
  let start = table.start;
  const tensors: FrameTensor[] = [];
  for (let index = 0; index < table.numTensors; index++) {
    const at = HEADER_BYTES + index * ENTRY_BYTES;
    const nameBytes = bytes.subarray(at, at + NAME_BYTES);
    const nameEnd = nameBytes.indexOf(0);
    const name = new TextDecoder().decode(nameEnd === -1 ? nameBytes : nameBytes.subarray(0, nameEnd));
    const dtype = dtypes[view.getUint8(at + 24) as keyof typeof dtypes] as FrameTensor["dtype"] | undefined;
    const rank = view.getUint8(at + 25);
    if (dtype === undefined || rank > MAX_RANK)
      throw new FrameError(`frame: tensor "${name}" has an unknown type or rank ${rank}`);
    const shape = Array.from({ length: rank }, (_, axis) =>
      safeInteger("a dimension", view.getBigUint64(at + 32 + axis * 8, true)),
    );
    const size = sizeOf(shape);
    if (!(start + size * 4 <= bytes.length)) {
      throw new FrameError(
        `frame: tensor "${name}" of shape [${shape.join(", ")}] does not fit the ${bytes.length} bytes of the message`,
      );
    }
    tensors.push({ name, dtype, shape, data: valuesAt(bytes, { dtype, start, size }) });
    start = aligned(start + size * 4);
  }
  if (start !== bytes.length) throw new FrameError(`frame: ${bytes.length - start} bytes after the last tensor`);
  return tensors;
}

type Values = { readonly dtype: FrameTensor["dtype"]; readonly start: number; readonly size: number };

function valuesAt(bytes: Uint8Array, { dtype, start, size }: Values): Float32Array | Int32Array {
  const offset = bytes.byteOffset + start;
  const isAligned = offset % 4 === 0;
  // Not bytes.slice(): what a socket gives in Node is a Buffer, and its slice is a view.
  const buffer = isAligned ? bytes.buffer : new Uint8Array(bytes.subarray(start, start + size * 4)).buffer;
  return dtype === "float32"
    ? new Float32Array(buffer, isAligned ? offset : 0, size)
    : new Int32Array(buffer, isAligned ? offset : 0, size);
}

/** @throws FrameError unless the frame has a tensor of this name and type */
export function tensorNamed(frame: Frame, name: string, dtype: FrameTensor["dtype"]): FrameTensor {
  const tensor = frame.tensors.find((each) => each.name === name);
  if (tensor?.dtype !== dtype) {
    const found = frame.tensors.map((each) => `${each.name} ${each.dtype}`).join(", ") || "none";
    throw new FrameError(`frame: expected a ${dtype} tensor "${name}" in a ${frame.kind} frame, got ${found}`);
  }
  return tensor;
}
