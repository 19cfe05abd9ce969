import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeSafetensors } from "../safetensors/index.ts";
import { openSafetensors } from "./openSafetensors.ts";
import { writeSafetensors } from "./writeSafetensors.ts";

let scratch: string;
let path: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "writeSafetensors-"));
  path = join(scratch, "model.safetensors");
});
afterAll(() => rm(scratch, { recursive: true }));

const tensors = new Map([
  ["b", { dtype: "F32", shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
  ["a", { dtype: "I64", shape: [1], data: BigInt64Array.of(7n) }],
] as const);

describe("writeSafetensors()", () => {
  test("writes the bytes of encodeSafetensors and leaves no other file", async () => {
    await writeFile(path, "an older file that is longer than the new one ".repeat(100));
    await writeSafetensors(path, tensors, { metadata: { format: "pt", step: "10" } });
    expect((await readFile(path)).equals(encodeSafetensors(tensors, { format: "pt", step: "10" }))).toBe(true);
    expect(await readdir(scratch)).toEqual(["model.safetensors"]);
  });

  test("asks for each tensor when its turn comes", async () => {
    const asked: string[] = [];
    const lazy = [...tensors].map(([name, { dtype, shape, data }]) => {
      return [name, { dtype, shape, data: async () => (asked.push(name), data) }] as const;
    });
    await writeSafetensors(path, new Map(lazy));
    expect(asked).toEqual(["a", "b"]);
    await using weights = await openSafetensors(path);
    expect([...(await weights.readFloat32("b"))]).toEqual([1, 2, 3, 4]);
    expect([...(await weights.readInt32("a"))]).toEqual([7]);
  });

  test.each([
    ["a tensor cannot be fetched", () => Promise.reject(new Error("stage 2 is gone")), "stage 2 is gone"],
    ["a tensor has another size", () => Promise.resolve(new Float32Array(3)), "expected 16 bytes"],
  ])("leaves the old file as it was when %s", async (_, data, message) => {
    await writeFile(path, "old");
    const failing = new Map([["b", { dtype: "F32", shape: [2, 2], data }]] as const);
    await expect(writeSafetensors(path, failing)).rejects.toThrow(message);
    expect(await readFile(path, "utf8")).toBe("old");
    expect(await readdir(scratch)).toEqual(["model.safetensors"]);
  });

  test("stops when it is aborted", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(writeSafetensors(path, tensors, { signal })).rejects.toThrow("enough");
    expect(await readdir(scratch)).toEqual(["model.safetensors"]);
  });
});
