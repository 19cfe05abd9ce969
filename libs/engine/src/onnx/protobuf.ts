/**
 * @file The few lines of protobuf that writing an ONNX model takes: varints, length-delimited fields, fixed32.
 *
 * Writing only. Field order is the order of calls, so equal calls give equal bytes.
 * @see https://protobuf.dev/programming-guides/encoding/
 */
import { unsignedLeb128 } from "../leb128.ts";

const VARINT = 0;
const DELIMITED = 2;
const FIXED32 = 5;

export class ProtobufWriter {
  #bytes = new Uint8Array(256);
  #length = 0;

  /** A non-negative integer up to 2^53, or a negative one as int64 writes it (ten bytes). */
  varint(field: number, value: number | bigint): this {
    this.#tag(field, VARINT);
    return this.#rawVarint(BigInt(value));
  }

  /** Several integers in one field, as proto3 packs them. */
  packedVarints(field: number, values: readonly number[]): this {
    if (values.length === 0) return this;
    const inner = new ProtobufWriter();
    for (const value of values) inner.#rawVarint(BigInt(value));
    return this.bytes(field, inner.finish());
  }

  float(field: number, value: number): this {
    this.#tag(field, FIXED32);
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.#append(bytes);
  }

  string(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  bytes(field: number, value: Uint8Array): this {
    this.#tag(field, DELIMITED);
    this.#rawVarint(BigInt(value.length));
    return this.#append(value);
  }

  message(field: number, write: (inner: ProtobufWriter) => void): this {
    const inner = new ProtobufWriter();
    write(inner);
    return this.bytes(field, inner.finish());
  }

  /** The bytes written so far. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #tag(field: number, wireType: number): void {
    this.#rawVarint(BigInt((field << 3) | wireType));
  }

  #rawVarint(value: bigint): this {
    return this.#append(Uint8Array.from(unsignedLeb128(BigInt.asUintN(64, value))));
  }

  #append(bytes: Uint8Array): this {
    const needed = this.#length + bytes.length;
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = needed;
    return this;
  }
}
