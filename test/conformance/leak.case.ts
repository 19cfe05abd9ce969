/** @file Tensors of TensorFlow.js are not collected by JavaScript: what the tfjs engine uploads and computes, it must dispose of. */
import { EngineFailureError, hostParameters, int32, isHostTensor, type Engine } from "@stagecoach/engine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { attentionBatch, attentionGraph, attentionParameters } from "./attentionExample.ts";
import { generator, randomTensor } from "./random.ts";

/** @param engineFactory - a tfjs engine of this process */
export function leakCases(engineFactory: () => Promise<Engine>): void {
  describe("leaks", () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await engineFactory();
    });
    afterAll(() => engine.dispose());
    const random = generator(8);
    const compileExample = () => engine.compile(attentionGraph(), hostParameters(attentionParameters(random)));

    test("runs leave no tensor behind, and dispose takes the parameters and constants", async () => {
      const before = numTensors();
      const executable = await compileExample();
      const compiled = numTensors();
      expect(compiled).toBeGreaterThan(before);
      for (const lengths of [[1], [3, 1, 4], [5, 5]]) {
        await executable.run(attentionBatch(lengths, random));
        expect(numTensors()).toBe(compiled);
      }
      await executable.run(attentionBatch([2, 1], random), { outputs: ["pooled"] });
      expect(numTensors()).toBe(compiled);
      await executable.dispose();
      expect(numTensors()).toBe(before);
    });

    test("kept outputs and held tensors are there until they are disposed of", async () => {
      const executable = await compileExample();
      const before = numTensors();
      const given = Object.entries(attentionBatch([3, 1, 4], random));
      const held = given.map(([name, tensor]) => [name, engine.hold(tensor)] as const);
      expect(numTensors()).toBe(before + held.length);
      const results = await executable.run(Object.fromEntries(held), { keep: ["pooled", "context"] });
      expect(numTensors()).toBe(before + held.length + 2);
      for (const result of Object.values(results)) if (!isHostTensor(result)) result.dispose();
      for (const [, tensor] of held) tensor.dispose();
      expect(numTensors()).toBe(before);
      await executable.dispose();
    });

    test("a run that fails leaves no tensor behind", async () => {
      const executable = await compileExample();
      const before = numTensors();
      const given = attentionBatch([3, 1, 4], random);
      const outside = { ...given, ids: int32(new Int32Array(8).fill(1000), [8]) };
      await expect(executable.run(outside)).rejects.toThrow(EngineFailureError);
      expect(numTensors()).toBe(before);
      await executable.dispose();
    });

    test("a compilation that fails leaves no tensor behind", async () => {
      const before = numTensors();
      const parameters = { ...attentionParameters(random), table: randomTensor([2, 2], random) };
      await expect(engine.compile(attentionGraph(), hostParameters(parameters))).rejects.toThrow(/table/);
      expect(numTensors()).toBe(before);
    });
  });
}

/** tfjs keeps its engine, and its count of tensors, in one place per process, whichever copy of the package was loaded. */
function numTensors(): number {
  const { _tfengine } = globalThis as { readonly _tfengine?: { memory(): { readonly numTensors: number } } };
  if (_tfengine === undefined) throw new Error("tfjs has not been loaded in this process");
  return _tfengine.memory().numTensors;
}
