import { describe, expect, test } from "vitest";
import { probeEngines } from "./probeEngines.ts";

describe("probeEngines()", () => {
  test("says of an engine that comes with npm that it loads, and what it is", async () => {
    const [onnxruntime, wasm] = await probeEngines(["onnxruntime", "tfjs-wasm"]);
    expect(onnxruntime).toMatchObject({ name: "onnxruntime", available: true });
    expect(wasm).toMatchObject({ name: "tfjs-wasm", available: true });
    expect(onnxruntime).toHaveProperty("description", expect.stringContaining("ONNX Runtime 1."));
    expect(wasm).toHaveProperty("description", expect.stringContaining("WebAssembly"));
  });
});
