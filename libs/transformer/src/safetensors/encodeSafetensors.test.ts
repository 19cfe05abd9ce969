// Expected bytes: fixtures/, written by tools/oracles/safetensors_oracle.py with the reference implementation (safetensors 0.8.0).
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { SafetensorsDtype } from "./dtype.ts";
import { encodeSafetensors, layoutSafetensors } from "./encodeSafetensors.ts";
import type { SafetensorsTensor } from "./encodeSafetensors.ts";
import { SafetensorsError } from "./errors.ts";
import { parseSafetensorsHeader } from "./parseSafetensorsHeader.ts";

const fixture = (name: string) => new Uint8Array(readFileSync(new URL(`fixtures/${name}`, import.meta.url)));
type Listed = { readonly dtype: SafetensorsDtype; readonly shape: readonly number[]; readonly hex: string };

const listed = JSON.parse(new TextDecoder().decode(fixture("dtypes.json"))) as Record<string, Listed>;
const allTypes = new Map<string, SafetensorsTensor>(
  Object.entries(listed).map(([name, { dtype, shape, hex }]) => [
    name,
    { dtype, shape, data: Buffer.from(hex, "hex") },
  ]),
);

describe("encodeSafetensors()", () => {
  test("gives the bytes that Python's safetensors wrote, for 21 dtypes and names that sort oddly", () => {
    const encoded = encodeSafetensors(allTypes, { format: "pt" });
    expect(Buffer.from(encoded).equals(fixture("dtypes.safetensors"))).toBe(true);
  });

  test("says format pt by default, as transformers asks for", () => {
    const bytes = encodeSafetensors(new Map());
    expect([...parseSafetensorsHeader(bytes, bytes.length).metadata]).toEqual([["format", "pt"]]);
  });

  test("pads the header with spaces to a multiple of 8", () => {
    for (let length = 1; length <= 16; length++) {
      const tensor = { dtype: "U8", shape: [1], data: new Uint8Array(1) } as const;
      const { header } = layoutSafetensors(new Map([["n".repeat(length), tensor]]));
      expect(header.length % 8).toBe(0);
      expect(new TextDecoder().decode(header).trimEnd()).toMatch(/}$/);
    }
  });

  test("reads a view into a larger buffer, not the buffer", () => {
    const data = Float32Array.of(1, 2, 3, 4).subarray(1, 3);
    const bytes = encodeSafetensors(new Map([["a", { dtype: "F32", shape: [2], data }]]));
    const { offset } = parseSafetensorsHeader(bytes, bytes.length).tensors.get("a") ?? { offset: 0 };
    expect([...new Float32Array(bytes.slice(offset).buffer)]).toEqual([2, 3]);
  });

  test.each([
    ["data of another size than its shape", "a", { dtype: "F32", shape: [3], data: new Float32Array(2) }],
    ["a negative size", "a", { dtype: "F32", shape: [-1], data: new Float32Array(1) }],
    ["a fractional size", "a", { dtype: "F32", shape: [0.5], data: new Float32Array(1) }],
    ["half a byte", "a", { dtype: "F4", shape: [1], data: new Uint8Array(1) }],
    ["the name __metadata__", "__metadata__", { dtype: "U8", shape: [1], data: new Uint8Array(1) }],
    ["a name with a lone surrogate", "\ud800", { dtype: "U8", shape: [1], data: new Uint8Array(1) }],
  ] as const)("refuses %s", (_, name, tensor) => {
    expect(() => encodeSafetensors(new Map([[name, tensor]]))).toThrow(SafetensorsError);
  });

  test("refuses metadata with a lone surrogate", () => {
    expect(() => encodeSafetensors(new Map(), { a: "\udc00" })).toThrow(SafetensorsError);
  });
});
