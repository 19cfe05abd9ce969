import { describe, expect, test } from "vitest";
import { memoryWeights } from "./memoryWeights.ts";

const source = () =>
  memoryWeights(
    new Map([
      ["b", { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
      ["a", { shape: [], data: Float32Array.of(5) }],
    ]),
  );

describe("memoryWeights()", () => {
  test("lists and describes its tensors", () => {
    expect(source().names()).toEqual(["b", "a"]);
    expect(source().has("a")).toBe(true);
    expect(source().has("toString")).toBe(false);
    expect(source().entry("b")).toEqual({ dtype: "F32", shape: [2, 2], bytes: 16 });
  });

  test("counts the bytes of the tensors that were read", async () => {
    const weights = source();
    await weights.readFloat32("b");
    expect(weights.bytesRead).toBe(16);
    await weights.readBytes("a");
    expect(weights.bytesRead).toBe(20);
  });

  test("gives each reader memory of its own", async () => {
    const weights = source();
    (await weights.readFloat32("b")).fill(0);
    expect([...(await weights.readFloat32("b"))]).toEqual([1, 2, 3, 4]);
  });

  test("refuses a shape that does not fit, a name that is not there, and reads after close", async () => {
    expect(() => memoryWeights(new Map([["a", { shape: [2], data: new Float32Array(3) }]]))).toThrow("got 3");
    const weights = source();
    expect(() => weights.entry("c")).toThrow(expect.objectContaining({ code: "tensor_not_found", tensor: "c" }));
    await weights.close();
    await expect(weights.readFloat32("a")).rejects.toMatchObject({ code: "weights_closed" });
  });
});
