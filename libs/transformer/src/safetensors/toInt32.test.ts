import { describe, expect, test } from "vitest";
import { SafetensorsError } from "./errors.ts";
import { toInt32 } from "./toInt32.ts";

const int64 = (...values: bigint[]) => new Uint8Array(BigInt64Array.from(values).buffer);
const limits = [0n, 1n, -1n, 2n ** 31n - 1n, -(2n ** 31n)];

describe("toInt32()", () => {
  test("reads I64 values up to both ends of 32 bits", () => {
    expect([...toInt32(int64(...limits), "I64")]).toEqual(limits.map(Number));
  });

  test.each([2n ** 31n, -(2n ** 31n) - 1n, 2n ** 32n, 2n ** 63n - 1n, -(2n ** 63n)])(
    "refuses the I64 value %s",
    (value) => {
      expect(() => toInt32(int64(0n, value), "I64", { file: "m", tensor: "t" })).toThrow(
        `m: tensor "t": expected values from -2^31 to 2^31 - 1, got ${value} at index 1`,
      );
    },
  );

  test("views I32 bytes, and reads bytes at an odd address", () => {
    const bytes = new Uint8Array(Int32Array.of(1, -2).buffer);
    expect(toInt32(bytes, "I32").buffer).toBe(bytes.buffer);
    const memory = new Uint8Array(9);
    memory.set(bytes, 1);
    expect([...toInt32(memory.subarray(1), "I32")]).toEqual([1, -2]);
  });

  test("refuses float tensors", () => {
    expect(() => toInt32(new Uint8Array(4), "F32")).toThrow(SafetensorsError);
  });
});
