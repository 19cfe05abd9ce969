/** @file Expected bytes are those of the examples in https://protobuf.dev/programming-guides/encoding/. */
import { describe, expect, test } from "vitest";
import { ProtobufWriter } from "./protobuf.ts";

const hex = (writer: ProtobufWriter) =>
  [...writer.finish()].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");

describe("ProtobufWriter", () => {
  test("writes a varint: field 1 is 150", () => {
    expect(hex(new ProtobufWriter().varint(1, 150))).toBe("08 96 01");
  });
  test("writes -2 as the ten bytes of an int64", () => {
    expect(hex(new ProtobufWriter().varint(1, -2))).toBe("08 fe ff ff ff ff ff ff ff ff 01");
  });
  test("writes integers above 2^32", () => {
    // 2^53 - 1: seven groups of seven ones, and the last four.
    expect(hex(new ProtobufWriter().varint(1, Number.MAX_SAFE_INTEGER))).toBe("08 ff ff ff ff ff ff ff 0f");
  });
  test('writes a string: field 2 is "testing"', () => {
    expect(hex(new ProtobufWriter().string(2, "testing"))).toBe("12 07 74 65 73 74 69 6e 67");
  });
  test("writes a message inside of a message: field 3 is one whose field 1 is 150", () => {
    expect(hex(new ProtobufWriter().message(3, (inner) => inner.varint(1, 150)))).toBe("1a 03 08 96 01");
  });
  test("packs repeated integers: field 6 is 3, 270, 86942", () => {
    expect(hex(new ProtobufWriter().packedVarints(6, [3, 270, 86942]))).toBe("32 06 03 8e 02 9e a7 05");
  });
  test("leaves an empty packed field out", () => {
    expect(hex(new ProtobufWriter().packedVarints(6, []))).toBe("");
  });
  test("writes a float as four little-endian bytes: field 5 is 1.5", () => {
    // IEEE 754: 1.5 is 0x3fc00000; the tag is field 5 of wire type 5.
    expect(hex(new ProtobufWriter().float(5, 1.5))).toBe("2d 00 00 c0 3f");
  });
  test("takes field numbers above 15 in two bytes, and values longer than its first buffer", () => {
    const bytes = new ProtobufWriter().bytes(20, new Uint8Array(1000).fill(7)).finish();
    expect([...bytes.subarray(0, 5)]).toEqual([0xa2, 0x01, 0xe8, 0x07, 7]);
    expect(bytes.length).toBe(1004);
  });
});
