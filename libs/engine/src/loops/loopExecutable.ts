/** @file An executable of loops: what `run` of the engine's contract says, on memory of held tensors. */
import { resolveShape, type Graph } from "@stagecoach/graph";
import {
  isHostTensor,
  type EngineTensor,
  type Executable,
  type HostTensor,
  type RunInputs,
  type RunResult,
} from "../engine.ts";
import { EngineFailureError } from "../errors.ts";
import { checkInputs, wantedOutputs } from "../hostTensor.ts";
import { checkInto } from "../inPlace.ts";
import type { Loop } from "./loopGraph.ts";
import { numBlocks, wholeLoop, type LoopRunner } from "./loopRunner.ts";

/** How an engine keeps tensors. */
export type HeldTensors = {
  readonly valuesOf: (handle: EngineTensor) => Float32Array;
  readonly hold: (tensor: HostTensor & { readonly data: Float32Array }) => EngineTensor;
};

export type LoopExecutableOptions = {
  /** Name of the engine, for errors. */
  readonly engine: string;
  readonly runner: LoopRunner;
  readonly held: HeldTensors;
};

export function loopExecutable(
  graph: Graph,
  loops: readonly Loop[],
  { engine, runner, held }: LoopExecutableOptions,
): Executable {
  const compiled = loops.map((loop) => {
    const { size, sums } = loop;
    const bytes = numBlocks(size) * sums.length * Float64Array.BYTES_PER_ELEMENT;
    return { loop, whole: wholeLoop(loop, new Float64Array(runner.allocate(bytes))) };
  });
  const allocate = (size: number) => new Float32Array(runner.allocate(size * Float32Array.BYTES_PER_ELEMENT));
  return {
    async run(given: RunInputs, options = {}) {
      const bindings = checkInputs(graph, given);
      const { into = {}, keep = [] } = options;
      checkInto(graph, given, { into, bindings });
      const wanted = wantedOutputs(graph, options.outputs).filter((name) => !Object.hasOwn(into, name));
      const values = (name: string) => {
        const tensor = given[name];
        if (!isHostTensor(tensor)) return held.valuesOf(tensor);
        return tensor.data instanceof Float32Array ? tensor.data : Float32Array.from(tensor.data);
      };
      const made = new Map<string, Float32Array>();
      const outputArray = (name: string, size: number) => {
        const array = Object.hasOwn(into, name) ? held.valuesOf(into[name]) : allocate(size);
        made.set(name, array);
        return array;
      };
      const asked = compiled.filter(({ loop: { outputs, sums } }) =>
        [...outputs, ...sums].some((name) => wanted.includes(name) || Object.hasOwn(into, name)),
      );
      const tasks = asked.map(({ loop, whole }) => ({
        ...whole,
        arrays: [...loop.inputs.map(values), ...loop.outputs.map((name) => outputArray(name, loop.size))],
        scalars: loop.scalars.map((name) => values(name)[0]),
      }));
      try {
        await runner.run(tasks);
      } catch (error) {
        throw new EngineFailureError(engine, "run", error);
      }
      for (const { loop, whole } of asked)
        loop.sums.forEach((name, index) => (outputArray(name, 1)[0] = total(whole.sums, index, loop.sums.length)));
      const result: Record<string, RunResult[string]> = {};
      for (const name of wanted) {
        const { shape } = graph.outputs.get(name)!;
        const tensor = { dtype: "float32", shape: resolveShape(shape, bindings), data: made.get(name)! } as const;
        result[name] = keep.includes(name) ? held.hold(tensor) : tensor;
      }
      return result;
    },
    dispose: () => Promise.resolve(),
  };
}

/** Of the sums of blocks, every `step`-th from `index`. */
function total(sums: Float64Array, index: number, step: number): number {
  let sum = 0;
  for (let at = index; at < sums.length; at += step) sum += sums[at];
  return sum;
}
