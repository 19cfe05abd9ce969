/** @file ONNX Runtime against the conformance suite, with one, two and four threads. */
import { hostParameters, runToHost } from "@stagecoach/engine";
import { loadOnnxRuntime } from "@stagecoach/engine/node";
import { describe, expect, test } from "vitest";
import { bytesOf } from "./bytes.ts";
import { engineCases } from "./engine.case.ts";
import { scatterExample } from "./scatterExample.ts";

const threadCounts = [1, 2, 4] as const;

for (const threads of threadCounts) {
  describe(`onnxruntime, threads: ${threads}`, () => {
    engineCases(() => loadOnnxRuntime({ threads }));
  });
}

describe("onnxruntime", () => {
  test("scatterAddRows gives the same bytes with 1, 2 and 4 threads", async () => {
    const { graph, inputs } = scatterExample();
    const results: string[] = [];
    for (const threads of threadCounts) {
      const engine = await loadOnnxRuntime({ threads });
      const executable = await engine.compile(graph, hostParameters({}));
      results.push(bytesOf((await runToHost(executable, inputs))["y"]!));
      await executable.dispose();
      await engine.dispose();
    }
    expect(new Set(results).size).toBe(1);
  });
});
