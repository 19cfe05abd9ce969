import { graphOf, input, sqrt } from "@stagecoach/graph";
import { expect, test } from "vitest";
import { hostParameters } from "../engine.ts";
import { float32 } from "../hostTensor.ts";
import { loadOnnxRuntime } from "../node/loadOnnxRuntime.ts";
import { runInPlace } from "./runInPlace.ts";

const SIZE = 4_000_000;

test("a run into held memory copies nothing to JavaScript", async () => {
  const engine = await loadOnnxRuntime({ threads: 1 });
  const executable = await engine.compile(graphOf({ y: sqrt(input("x", [SIZE], "float32")) }), hostParameters({}));
  const x = engine.hold(float32(new Float32Array(SIZE).fill(4), [SIZE]));
  const y = engine.hold(float32(new Float32Array(SIZE), [SIZE]));
  const before = process.memoryUsage().arrayBuffers;
  await executable.run({ x }, { into: { y } });
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(SIZE);
  expect((await y.read()).data.every((value) => value === 2)).toBe(true);
  await executable.dispose();
  await engine.dispose();
});

test("what goes wrong in a run is thrown", async () => {
  const session = { run: () => Promise.reject(new Error("out of memory")), release: () => Promise.resolve() };
  await expect(runInPlace(session, {}, {})).rejects.toThrow("out of memory");
});
