// Expected values: fixtures/, written by tools/oracles/safetensors_oracle.py with the reference implementation (safetensors 0.8.0).
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { encodeSafetensors } from "./encodeSafetensors.ts";
import { SafetensorsError } from "./errors.ts";
import { parseSafetensorsHeader, safetensorsHeaderBytes } from "./parseSafetensorsHeader.ts";

const fixture = (name: string) => new Uint8Array(readFileSync(new URL(`fixtures/${name}`, import.meta.url)));
const json = (name: string): unknown => JSON.parse(new TextDecoder().decode(fixture(name)));

type Case = { readonly name: string; readonly file: string; readonly reference: string };
const cases = json("cases.json") as readonly Case[];
const bytesOf = (name: string) => {
  const found = cases.find((item) => item.name === name);
  if (!found) throw new Error(`no case ${name}`);
  return new Uint8Array(Buffer.from(found.file, "base64"));
};
const parse = (bytes: Uint8Array) => parseSafetensorsHeader(bytes, bytes.length, "x.safetensors");
const errorOf = (run: () => unknown): SafetensorsError => {
  try {
    run();
  } catch (error) {
    if (error instanceof SafetensorsError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
};

/** What the format's description forbids and the reference implementation lets pass. */
const stricter = new Set([
  "white space before the object",
  "duplicate tensor",
  "duplicate key by escape",
  "duplicate metadata key",
]);

describe("parseSafetensorsHeader()", () => {
  test("finds every tensor of a file that Python wrote, with its dtype, shape and bytes", () => {
    const bytes = fixture("dtypes.safetensors");
    const found = [...parse(bytes).tensors].map(([name, { dtype, shape, offset, length }]) => {
      return [name, { dtype, shape, hex: Buffer.from(bytes.subarray(offset, offset + length)).toString("hex") }];
    });
    expect(found.length).toBe(25);
    expect(new Map(found as [string, unknown][])).toEqual(new Map(Object.entries(json("dtypes.json") as object)));
  });

  test("reads the texts under __metadata__", () => {
    expect([...parse(fixture("dtypes.safetensors")).metadata]).toEqual([["format", "pt"]]);
    expect([...parse(bytesOf("metadata")).metadata]).toEqual([
      ["format", "pt"],
      ["__proto__", "x"],
    ]);
  });

  test.each(cases.filter(({ reference }) => reference.startsWith("refused")))(
    "refuses what the reference implementation refuses: $name",
    ({ name }) => {
      expect(errorOf(() => parse(bytesOf(name))).code).toMatch(/^safetensors_(invalid|truncated)$/);
    },
  );

  test.each(cases.filter(({ name, reference }) => reference === "accepted" && !stricter.has(name)))(
    "accepts what the reference implementation accepts: $name",
    ({ name }) => {
      expect(() => parse(bytesOf(name))).not.toThrow();
    },
  );

  test.each([...stricter])("refuses what the format's description forbids: %s", (name) => {
    expect(errorOf(() => parse(bytesOf(name))).code).toBe("safetensors_invalid");
  });

  test("a tensor named __proto__ changes no object", () => {
    const { tensors } = parse(bytesOf("key __proto__"));
    expect(tensors.get("__proto__")?.shape).toEqual([1]);
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)["dtype"]).toBeUndefined();
  });

  test("names file, tensor, what was expected, what was found and the remedy", () => {
    const error = errorOf(() => parse(bytesOf("overlap")));
    expect(error).toMatchObject({ name: "SafetensorsError", file: "x.safetensors", tensor: "b" });
    expect(error.message).toBe(
      'x.safetensors: tensor "b": expected data from byte 8, where the tensor before it ends, got from byte 4, ' +
        "which overlaps it (the file is damaged: download or write it again)",
    );
  });

  test.each(["truncated in the data", "truncated in the header", "empty file", "header length beyond the file"])(
    "says of a short file that it is to be downloaded again: %s",
    (name) => {
      const error = errorOf(() => parse(bytesOf(name)));
      expect(error.code).toBe("safetensors_truncated");
      expect(error.remedy).toContain("download it again");
    },
  );

  test("a message quotes no more than 120 characters of a name from the file", () => {
    const header = new TextEncoder().encode(`{"${"x".repeat(5_000)}":1}`);
    const bytes = new Uint8Array(8 + header.length);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
    bytes.set(header, 8);
    expect(errorOf(() => parse(bytes)).message.length).toBeLessThan(400);
  });
});

describe("safetensorsHeaderBytes()", () => {
  test.each(["header length 2 GB", "header length 2^64 - 1", "header of 100,000,001 bytes"])(
    "refuses a header over 100 MB from its length field alone: %s",
    (name) => {
      const bytes = bytesOf(name);
      expect(errorOf(() => safetensorsHeaderBytes(bytes.subarray(0, 8), 2 ** 40)).code).toBe("safetensors_invalid");
    },
  );

  test("refuses a header longer than the file from its length field alone", () => {
    const field = bytesOf("header length beyond the file").subarray(0, 8);
    expect(errorOf(() => safetensorsHeaderBytes(field, 10_007)).code).toBe("safetensors_truncated");
    expect(safetensorsHeaderBytes(field, 10_008)).toBe(10_008);
  });
});

describe("a file with flipped bytes", () => {
  // A linear congruential generator (Numerical Recipes), so that a failure can be repeated.
  const seed = 20_261_123;
  const randomBelow = (() => {
    let state = seed;
    return (limit: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * limit);
    };
  })();

  test(`parses within the file or throws a SafetensorsError, 2,000 times (seed ${seed})`, () => {
    const tensor = { dtype: "F32", shape: [2, 40], data: new Float32Array(80) } as const;
    const names = ["a", "b", "__proto__"];
    const files = [encodeSafetensors(new Map(names.map((name) => [name, tensor]))), fixture("dtypes.safetensors")];
    let parsed = 0;
    for (let round = 0; round < 2_000; round++) {
      const bytes = (files[round % 2] ?? new Uint8Array()).slice();
      for (let flips = 1 + randomBelow(3); flips > 0; flips--) bytes[randomBelow(bytes.length)] = randomBelow(256);
      const extent = extentOf(bytes);
      if (extent === undefined) continue;
      parsed++;
      expect(extent).toBe(bytes.length);
    }
    // Both outcomes must be frequent, or the test would show nothing.
    expect(parsed).toBeGreaterThan(200);
    expect(parsed).toBeLessThan(1_800);
  });
});

/** Bytes of header and tensors together, or undefined when the file is refused; any other error is thrown on. */
function extentOf(bytes: Uint8Array): number | undefined {
  try {
    const { tensors, headerBytes } = parse(bytes);
    return [...tensors.values()].reduce((sum, { length }) => sum + length, headerBytes);
  } catch (error) {
    if (error instanceof SafetensorsError) return undefined;
    throw error;
  }
}
