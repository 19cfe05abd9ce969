// Expected values: fixtures/half.safetensors, written by tools/oracles/safetensors_oracle.py (torch 2.15 `.float()`), and the
// definition of the formats.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseSafetensorsHeader } from "./parseSafetensorsHeader.ts";
import { safetensorsDtypes } from "./dtype.ts";
import { toFloat32 } from "./toFloat32.ts";

const file = new Uint8Array(readFileSync(new URL("fixtures/half.safetensors", import.meta.url)));
const { tensors } = parseSafetensorsHeader(file, file.length);
const stored = (name: string) => {
  const entry = tensors.get(name);
  if (!entry) throw new Error(`no tensor ${name}`);
  return { ...entry, bytes: file.slice(entry.offset, entry.offset + entry.length) };
};
const patterns = (values: Float32Array) => new Uint32Array(values.buffer, values.byteOffset, values.length);
/** A NaN is one value here: which payload bits a conversion keeps is not defined. */
const withOneNan = (values: Float32Array) =>
  patterns(values).map((bits, i) => (Number.isNaN(values[i]) ? 0x7fc00000 : bits));

/** The value of an IEEE 754 number with the given field widths, by definition. */
function valueOf(pattern: number, exponentBits: number, fractionBits: number): number {
  const sign = pattern >> (exponentBits + fractionBits) === 0 ? 1 : -1;
  const exponent = (pattern >> fractionBits) & (2 ** exponentBits - 1);
  const fraction = (pattern & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias);
}

describe("toFloat32()", () => {
  test.each(["f16", "bf16", "f64"])("gives the bits of torch's .float() for %s, special values included", (name) => {
    const { bytes, dtype } = stored(name);
    const expected = toFloat32(stored(`${name}.expected`).bytes, "F32");
    expect(withOneNan(toFloat32(bytes, dtype))).toEqual(withOneNan(expected));
  });

  test.each([
    ["F16", 5, 10],
    ["BF16", 8, 7],
  ] as const)(
    "gives the defined value of every one of the 65,536 patterns of %s",
    (dtype, exponentBits, fractionBits) => {
      const all = Uint16Array.from({ length: 65_536 }, (_, pattern) => pattern);
      const expected = Float32Array.from(all, (pattern) => valueOf(pattern, exponentBits, fractionBits));
      expect(withOneNan(toFloat32(new Uint8Array(all.buffer), dtype))).toEqual(withOneNan(expected));
    },
  );

  test("views F32 bytes on a multiple of 4 and copies others", () => {
    const memory = new Uint8Array(12);
    new DataView(memory.buffer).setFloat32(4, 1.5, true);
    new DataView(memory.buffer).setFloat32(1, 2.5, true);
    const view = toFloat32(memory.subarray(4, 8), "F32");
    expect(view.buffer).toBe(memory.buffer);
    const copy = toFloat32(memory.subarray(1, 5), "F32");
    expect(copy.buffer).not.toBe(memory.buffer);
    expect([...copy]).toEqual([2.5]);
  });

  test.each(["F16", "BF16", "F64"] as const)("reads %s bytes at an odd address", (dtype) => {
    const { bytes } = stored(dtype.toLowerCase());
    const memory = new Uint8Array(bytes.length + 1);
    memory.set(bytes, 1);
    expect(withOneNan(toFloat32(memory.subarray(1), dtype))).toEqual(withOneNan(toFloat32(bytes, dtype)));
  });

  test.each(safetensorsDtypes.filter((dtype) => !["F32", "F16", "BF16", "F64"].includes(dtype)))(
    "refuses %s and names the tensor",
    (dtype) => {
      const convert = () => toFloat32(new Uint8Array(16), dtype, { file: "model.safetensors", tensor: "a.weight" });
      expect(convert).toThrow(
        /model\.safetensors: tensor "a\.weight": expected a tensor of F32, F16, BF16 or F64, got/,
      );
    },
  );
});
