/** @file What loops compute, against the float64 reference engine and against exact sums, on one thread and on several. */
import { abs, add, div, graphOf, input, mul, sqrt, sub, sum, type Graph, type Tensor } from "@stagecoach/graph";
import { afterEach, describe, expect, test } from "vitest";
import { hostParameters, type EngineTensor, type Executable, type HostTensor, type RunInputs } from "../engine.ts";
import { float32 } from "../hostTensor.ts";
import { loadOnnxRuntime } from "../node/loadOnnxRuntime.ts";
import { LoopThreads } from "../node/loopThreads.ts";
import { createReferenceEngine } from "../reference/referenceEngine.ts";
import { numBlocks, shareLoops, wholeLoop, type LoopTask } from "./loopRunner.ts";
import { loopsOf, type Loop } from "./loopGraph.ts";

/** Around the four places of a vector, and around blocks. */
const SIZES = [1, 2, 3, 4, 5, 7, 8, 4095, 4096, 4097, 8192, 20_003];

/** Small, reproducible, and exact in float32: multiples of 1/64 between -4 and 4, never 0. */
const values = (size: number, seed: number) =>
  Float32Array.from({ length: size }, (_, index) => (((index * 37 + seed * 101) % 256) - 127.5) / 32);

const closeables: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const each of closeables.splice(0)) await each.close();
});

async function compileOn(threads: number, graph: Graph) {
  const engine = await loadOnnxRuntime({ threads });
  const executable = await engine.compile(graph, hostParameters({}));
  closeables.push({ close: () => executable.dispose() }, { close: () => engine.dispose() });
  return { engine, executable };
}

async function valuesOf(executable: Executable, given: RunInputs): Promise<Record<string, number[]>> {
  const results = await executable.run(given);
  return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, [...(tensor as HostTensor).data]]));
}

/** Every operation, scalars on either side, a value that is used twice, an output that another one needs. */
function everything(size: number): Graph {
  const tensor = (name: string): Tensor => input(name, [size], "float32");
  const [a, b, rate] = [tensor("a"), tensor("b"), input("rate", [], "float32")];
  const first = add(mul(a, rate), sub(0.25, b));
  const second = div(sqrt(abs(first)), add(abs(b), rate));
  return graphOf({
    first,
    second,
    third: sub(second, mul(first, first)),
    total: sum(mul(first, 0.5)),
    size: sum(abs(a)),
  });
}

describe("loops", () => {
  test.each(SIZES)("%i values: as the reference engine has them", async (size) => {
    const graph = everything(size);
    const given = {
      a: float32(values(size, 1), [size]),
      b: float32(values(size, 2), [size]),
      rate: float32([0.75], []),
    };
    const { executable } = await compileOn(1, graph);
    const reference = await createReferenceEngine().compile(graph, hostParameters({}));
    const [found, expected] = [await valuesOf(executable, given), await valuesOf(reference, given)];
    for (const [name, each] of Object.entries(expected)) {
      const scale = Math.max(...each.map(Math.abs), 1);
      expect(found[name]).toHaveLength(each.length);
      const apart = each.map((value, index) => Math.abs(value - found[name][index]));
      expect(Math.max(...apart) / scale).toBeLessThan(1e-6);
    }
  });

  test("sums are exact where float32 would lose what is added last", async () => {
    const size = 50_001;
    const a = input("a", [size], "float32");
    const { executable } = await compileOn(2, graphOf({ squares: sum(mul(a, a)) }));
    // 4096^2 = 2^24, from which on float32 does not count single ones.
    const data = new Float32Array(size).fill(1);
    data[0] = 4096;
    expect(await valuesOf(executable, { a: float32(data, [size]) })).toEqual({ squares: [2 ** 24 + 50_000] });
  });

  test.each([2, 3, 5])("%i threads give the bytes that one gives, in place too", async (threads) => {
    const size = 200_003;
    const graph = everything(size);
    const run = async (count: number) => {
      const { engine, executable } = await compileOn(count, graph);
      const hold = (seed: number) => engine.hold(float32(values(size, seed), [size]));
      const [a, b, second] = [hold(1), hold(2), hold(3)];
      const { total, size: absolute } = await executable.run(
        { a, b, rate: engine.hold(float32([0.75], [])) },
        { into: { second, third: b }, outputs: ["total", "size"] },
      );
      const inPlace = [await second.read(), await b.read()];
      return [...inPlace, total, absolute].map((each) => (each as HostTensor).data);
    };
    expect(await run(threads)).toEqual(await run(1));
  });

  test("an output that is kept stays in the engine until it is disposed of", async () => {
    const { executable } = await compileOn(2, everything(9));
    const given = { a: float32(values(9, 1), [9]), b: float32(values(9, 2), [9]), rate: float32([0.75], []) };
    const { first } = await executable.run(given, { keep: ["first"], outputs: ["first"] });
    const expected = await valuesOf(executable, given);
    expect(first).not.toHaveProperty("data");
    expect([...(await (first as EngineTensor).read()).data]).toEqual(expected["first"]);
  });
});

describe("shareLoops", () => {
  const taskOf = (size: number): LoopTask => {
    const [loop] = loopsOf(graphOf({ y: sqrt(abs(input("a", [size], "float32"))) }))! as [Loop];
    return { ...wholeLoop(loop, new Float64Array()), arrays: [], scalars: [] };
  };
  const blocksOf = (tasks: readonly LoopTask[]) =>
    tasks.reduce((sum_, { firstBlock, endBlock }) => sum_ + endBlock - firstBlock, 0);

  test.each([1, 2, 3, 7])("%i shares: every block once, of each share as many within one", (count) => {
    const tasks = [100, 900_000, 4096, 5000, 123_456].map(taskOf);
    const shares = shareLoops(tasks, count);
    const sizes = shares.map(blocksOf);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    for (const { size } of tasks) {
      const parts = shares.flat().filter((each) => each.size === size);
      const blocks = parts.flatMap(({ firstBlock, endBlock }) =>
        Array.from({ length: endBlock - firstBlock }, (_, index) => firstBlock + index),
      );
      expect(blocks).toEqual(Array.from({ length: numBlocks(size) }, (_, index) => index));
    }
  });

  test("fewer blocks than shares leave some empty", () => {
    expect(
      shareLoops([taskOf(10)], 3)
        .map(blocksOf)
        .toSorted((a, b) => a - b),
    ).toEqual([0, 0, 1]);
  });
});

describe("LoopThreads", () => {
  test("says what went wrong in another thread, and runs no more", async () => {
    const threads = new LoopThreads(2);
    closeables.push(threads);
    const shared = (length: number) => new Float32Array(threads.allocate(4 * length));
    const broken: LoopTask = {
      program: "no program",
      size: 100_000,
      arrays: [shared(100_000)],
      scalars: [],
      sums: new Float64Array(threads.allocate(0)),
      firstBlock: 0,
      endBlock: numBlocks(100_000),
    };
    await expect(threads.run([broken])).rejects.toThrow(SyntaxError);
    await expect(threads.run([])).rejects.toThrow(SyntaxError);
  });

  test("refuses to run once it is closed", async () => {
    const threads = new LoopThreads(2);
    await threads.close();
    await expect(threads.run([])).rejects.toThrow(/threads that run loops had been closed/);
  });
});
