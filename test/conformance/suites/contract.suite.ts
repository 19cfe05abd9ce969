/** @file The contract of libs/engine/src/engine.ts: what is refused, what comes back, who owns which data. */
import {
  EngineFailureError,
  EngineInputError,
  float32,
  hostParameters,
  int32,
  isHostTensor,
  ParameterError,
  runToHost,
  type EngineTensor,
  type Executable,
  type HostTensor,
  type RunInputs,
} from "@stagecoach/engine";
import {
  add,
  cast,
  constant,
  gatherRows,
  graphOf,
  input,
  mul,
  parameter,
  scatterAddRows,
  ShapeError,
  sub,
  sum,
  where,
} from "@stagecoach/graph";
import { describe, expect } from "vitest";
import type { Conformance } from "../engine.case.ts";
import { runGraph } from "../runGraph.ts";

export function contractSuite(conformance: Conformance): void {
  describe("contract", () => {
    refusals(conformance);
    outputs(conformance);
    residentTensors(conformance);
    replacedTensors(conformance);
    ownership(conformance);
  });
}

const bool = (data: readonly number[], shape: readonly number[]): HostTensor => ({
  dtype: "bool",
  shape,
  data: Uint8Array.from(data),
});
const matrix = float32([1, 2, 3, 4, 5, 6], [2, 3]);
const values = ({ data }: HostTensor) => [...data];

function refusals({ engine, claim }: Conformance): void {
  const graph = graphOf({
    y: add(input("x", ["T", 3], "float32"), cast(input("i", ["T", 1], "int32"), "float32")),
    z: input("s", ["B"], "bool"),
  });
  const fine = { x: matrix, i: int32([1, 2], [2, 1]), s: bool([1], [1]) };
  const rejects = (name: string, wrong: RunInputs, error: typeof EngineInputError | typeof ShapeError) =>
    claim(`rejects ${name}`, async () => {
      const executable = await engine().compile(graph, hostParameters({}));
      await expect(executable.run(wrong)).rejects.toThrow(error);
      expect(values((await runToHost(executable, fine))["y"]!)).toEqual([2, 3, 4, 6, 7, 8]);
      await executable.dispose();
    });
  const { s: _, ...withoutS } = fine;
  rejects("a missing input", withoutS, EngineInputError);
  rejects("an unknown input", { ...fine, other: matrix }, EngineInputError);
  rejects("another data type", { ...fine, i: float32([1, 2], [2, 1]) }, EngineInputError);
  rejects("an array of another type", { ...fine, i: { ...fine.i, data: Float32Array.of(1, 2) } }, EngineInputError);
  rejects("data shorter than its shape", { ...fine, x: float32([1, 2], [2, 3]) }, EngineInputError);
  rejects("another rank", { ...fine, x: float32([1, 2, 3], [3]) }, ShapeError);
  rejects("another size", { ...fine, x: float32([1, 2, 3, 4], [2, 2]) }, ShapeError);
  rejects("two values of one symbol", { ...fine, x: float32([1, 2, 3], [1, 3]) }, ShapeError);
  rejects("an empty dimension", { ...fine, s: bool([], [0]) }, ShapeError);

  claim("rejects an output that the graph does not have", async () => {
    const executable = await engine().compile(graph, hostParameters({}));
    await expect(executable.run(fine, { outputs: ["y", "nothing"] })).rejects.toThrow(EngineInputError);
    await executable.dispose();
  });
  claim("fails at an index outside of the table, and computes the next run", async () => {
    const table = input("table", [3, 2], "float32");
    const index = input("index", [3], "int32");
    const graphs = { gatherRows: gatherRows(table, index), scatterAddRows: scatterAddRows(table, index, 3) };
    for (const [name, y] of Object.entries(graphs)) {
      const executable = await engine().compile(graphOf({ y }), hostParameters({}));
      const run = (rows: number[]) =>
        executable.run({ table: float32([1, 2, 3, 4, 5, 6], [3, 2]), index: int32(rows, [3]) });
      await expect(run([0, 3, 1])).rejects.toThrow(EngineFailureError);
      const permuted = (await run([1, 2, 0]))["y"] as HostTensor;
      expect(values(permuted)).toEqual(name === "gatherRows" ? [3, 4, 5, 6, 1, 2] : [5, 6, 1, 2, 3, 4]);
      await executable.dispose();
    }
  });
  claim("rejects a parameter of another shape", async () => {
    const withWeight = graphOf({ y: parameter("weight", [2, 3]) });
    const source = hostParameters({ weight: float32([1, 2, 3], [3]) });
    await expect(engine().compile(withWeight, source)).rejects.toThrow(ParameterError);
  });
}

function outputs({ engine, claim }: Conformance): void {
  claim(
    "an output may be an input, a parameter, a constant, a value used inside, or one value under two names",
    async () => {
      const x = input("x", [2, 3], "float32");
      const weight = parameter("weight", [3]);
      const inner = mul(x, weight);
      const graph = graphOf({
        given: x,
        again: x,
        own: weight,
        inner,
        twice: inner,
        sum: add(inner, weight),
        three: constant(3),
      });
      const given = { inputs: { x: matrix }, parameters: { weight: float32([1, 10, 100], [3]) } };
      const results = await runGraph(engine(), graph, given);
      const product = [1, 20, 300, 4, 50, 600];
      expect(Object.fromEntries(Object.entries(results).map(([name, each]) => [name, values(each)]))).toEqual({
        given: values(matrix),
        again: values(matrix),
        own: [1, 10, 100],
        inner: product,
        twice: product,
        sum: [2, 30, 400, 5, 60, 700],
        three: [3],
      });
      expect(results["three"]!.shape).toEqual([]);
    },
  );

  claim("constants have their data types and shapes", async () => {
    const graph = graphOf({
      float32: constant(Float32Array.of(1.5, -0, 3e38), [3, 1]),
      int32: constant(Int32Array.of(-7, 2 ** 31 - 1), [2], "int32"),
      bool: constant(Uint8Array.of(1, 0), [1, 2], "bool"),
    });
    const results = await runGraph(engine(), graph, {});
    expect(results["float32"]!.shape).toEqual([3, 1]);
    expect(values(results["float32"]!)).toEqual([...Float32Array.of(1.5, -0, 3e38)]);
    expect(results["int32"]).toMatchObject({ dtype: "int32", data: Int32Array.of(-7, 2 ** 31 - 1) });
    expect(results["bool"]).toMatchObject({ dtype: "bool", shape: [1, 2], data: Uint8Array.of(1, 0) });
  });

  claim("constants of every data type take part in a computation", async () => {
    const x = input("x", [2], "float32");
    const i = input("i", [2], "int32");
    const graph = graphOf({
      chosen: where(constant(Uint8Array.of(1, 0), [2], "bool"), x, constant(Float32Array.of(7, 8), [2])),
      counted: add(i, constant(Int32Array.of(10, 20), [2], "int32")),
    });
    const results = await runGraph(engine(), graph, { inputs: { x: float32([1, 2], [2]), i: int32([1, 2], [2]) } });
    expect(values(results["chosen"]!)).toEqual([1, 8]);
    expect(values(results["counted"]!)).toEqual([11, 22]);
  });

  claim("gives the outputs that are asked for, and no others", async () => {
    const x = input("x", [2, 3], "float32");
    const graph = graphOf({ one: add(x, 1), two: add(x, 2), three: add(x, 3) });
    const executable = await engine().compile(graph, hostParameters({}));
    const results = await runToHost(executable, { x: matrix }, ["three", "one"]);
    expect(Object.keys(results).toSorted()).toEqual(["one", "three"]);
    expect(values(results["three"]!)).toEqual([4, 5, 6, 7, 8, 9]);
    expect(Object.keys(await executable.run({ x: matrix })).toSorted()).toEqual(["one", "three", "two"]);
    await executable.dispose();
  });

  claim("an output that is asked for needs no input of the others' symbols", async () => {
    const graph = graphOf({ a: add(input("x", ["T"], "float32"), 1), b: add(input("y", ["B"], "float32"), 1) });
    const executable = await engine().compile(graph, hostParameters({}));
    const given = { x: float32([1, 2], [2]), y: float32([5], [1]) };
    expect(values((await runToHost(executable, given, ["b"]))["b"]!)).toEqual([6]);
    await executable.dispose();
  });
}

function residentTensors({ engine, claim }: Conformance): void {
  const counting = async (): Promise<Executable> => {
    const count = input("count", [2], "float32");
    return engine().compile(graphOf({ next: add(count, 1), double: mul(count, 2) }), hostParameters({}));
  };

  claim("what is held comes back as it was, for every data type", async () => {
    const tensors = [matrix, int32([-1, 2 ** 31 - 1], [1, 2]), bool([1, 0, 1], [3]), float32([-0], [])];
    for (const tensor of tensors) {
      const held = engine().hold(tensor);
      expect({ dtype: held.dtype, shape: held.shape }).toEqual({ dtype: tensor.dtype, shape: tensor.shape });
      expect(values(await held.read())).toEqual(values(tensor));
      held.dispose();
    }
  });

  claim("a kept output is given to the next run without coming back", async () => {
    const executable = await counting();
    let count: EngineTensor = engine().hold(float32([0, 10], [2]));
    for (let step = 0; step < 5; step++) {
      const { next, double } = await executable.run({ count }, { keep: ["next"] });
      expect(values(double as HostTensor)).toEqual([2 * step, 2 * (step + 10)]);
      if (isHostTensor(next!)) throw new Error("the output was not kept");
      count.dispose();
      count = next!;
    }
    expect(values(await count.read())).toEqual([5, 15]);
    count.dispose();
    await executable.dispose();
  });

  claim("a run leaves held inputs as they were, and each kept output lives on its own", async () => {
    const executable = await counting();
    const count = engine().hold(float32([1, 2], [2]));
    const first = await executable.run({ count }, { keep: ["next", "double"] });
    const second = await executable.run({ count }, { keep: ["next"] });
    (first["next"] as EngineTensor).dispose();
    expect(values(await (first["double"] as EngineTensor).read())).toEqual([2, 4]);
    expect(values(await (second["next"] as EngineTensor).read())).toEqual([2, 3]);
    expect(values(await count.read())).toEqual([1, 2]);
    for (const tensor of [first["double"], second["next"], count]) (tensor as EngineTensor).dispose();
    await executable.dispose();
  });

  claim("a kept output may be an input, a parameter, or one value under two names", async () => {
    const x = input("x", [2], "float32");
    const y = add(x, 1);
    const graph = graphOf({ given: x, own: parameter("weight", [2]), y, again: y });
    const executable = await engine().compile(graph, hostParameters({ weight: float32([3, 4], [2]) }));
    const held = engine().hold(float32([1, 2], [2]));
    const kept = await executable.run({ x: held }, { keep: ["given", "own", "y", "again"] });
    held.dispose();
    (kept["y"] as EngineTensor).dispose();
    const read = async (name: string) => values(await (kept[name] as EngineTensor).read());
    expect([await read("given"), await read("own"), await read("again")]).toEqual([
      [1, 2],
      [3, 4],
      [2, 3],
    ]);
    for (const name of ["given", "own", "again"]) (kept[name] as EngineTensor).dispose();
    await executable.dispose();
  });

  claim("rejects a held tensor of another data type or shape", async () => {
    const executable = await counting();
    const integers = engine().hold(int32([1, 2], [2]));
    const longer = engine().hold(float32([1, 2, 3], [3]));
    await expect(executable.run({ count: integers })).rejects.toThrow(EngineInputError);
    await expect(executable.run({ count: longer })).rejects.toThrow(ShapeError);
    integers.dispose();
    longer.dispose();
    await executable.dispose();
  });

  claim("a tensor that was disposed of cannot be used", async () => {
    const executable = await counting();
    const count = engine().hold(float32([1, 2], [2]));
    count.dispose();
    await expect(executable.run({ count })).rejects.toThrow(/disposed/);
    await expect(Promise.resolve().then(() => count.read())).rejects.toThrow(/disposed/);
    await executable.dispose();
  });
}

/** Weights under training: an output takes the place of a held tensor, which may be an input of the same run. */
function replacedTensors({ engine, claim }: Conformance): void {
  const weight = input("weight", ["N", 2], "float32");
  const rate = input("rate", [], "float32");
  const momentum = input("momentum", ["N", 2], "float32");
  const nextMomentum = add(mul(momentum, 0.5), weight);
  const nextWeight = sub(mul(weight, 2), mul(nextMomentum, rate));
  const graph = graphOf({ nextMomentum, nextWeight, size: sum(nextWeight) });
  const late = graphOf({ nextMomentum, nextWeight, read: add(weight, 0) });

  claim("an output replaces the held tensor that it was computed from, run after run", async () => {
    const executable = await engine().compile(graph, hostParameters({}));
    const held = { weight: engine().hold(float32([1, 2], [1, 2])), momentum: engine().hold(float32([0, 4], [1, 2])) };
    const into = { nextWeight: held.weight, nextMomentum: held.momentum };
    const step = () => executable.run({ ...held, rate: float32([1], []) }, { outputs: ["size"], into });
    expect(values((await step())["size"] as HostTensor)).toEqual([1]);
    expect(values(await held.momentum.read())).toEqual([1, 4]);
    expect(values(await held.weight.read())).toEqual([1, 0]);
    await step();
    expect(values(await held.momentum.read())).toEqual([1.5, 2]);
    expect(values(await held.weight.read())).toEqual([0.5, -2]);
    held.weight.dispose();
    held.momentum.dispose();
    await executable.dispose();
  });

  claim("refuses a tensor of another shape, two outputs for one tensor, and a graph that reads too late", async () => {
    const executable = await engine().compile(late, hostParameters({}));
    const [weightHeld, momentumHeld] = [engine().hold(float32([1, 2], [1, 2])), engine().hold(float32([0, 4], [1, 2]))];
    const inputs = { weight: weightHeld, momentum: momentumHeld, rate: float32([1], []) };
    const run = (into: Record<string, EngineTensor>) => executable.run(inputs, { outputs: ["read"], into });
    const other = engine().hold(float32([1, 2], [2, 1]));
    await expect(run({ nextWeight: other })).rejects.toThrow(EngineInputError);
    await expect(run({ nextWeight: weightHeld, nextMomentum: weightHeld })).rejects.toThrow(EngineInputError);
    await expect(run({ nothing: weightHeld })).rejects.toThrow(EngineInputError);
    // Nothing says that `read` is computed before `nextWeight` is written.
    await expect(run({ nextWeight: weightHeld })).rejects.toThrow(EngineInputError);
    [weightHeld, momentumHeld, other].forEach((each) => each.dispose());
    await executable.dispose();
  });
}

function ownership({ engine, claim }: Conformance): void {
  claim("what the caller does to its arrays afterwards changes nothing in the engine", async () => {
    const x = input("x", [2], "float32");
    const executable = await engine().compile(graphOf({ given: x, y: add(x, 1) }), hostParameters({}));
    const source = float32([1, 2], [2]);
    const held = engine().hold(source);
    const { given: keptX } = await executable.run({ x: source }, { keep: ["given"] });
    source.data.fill(99);
    expect(values(await held.read())).toEqual([1, 2]);
    expect(values(await (keptX as EngineTensor).read())).toEqual([1, 2]);
    expect(values((await runToHost(executable, { x: held }))["y"]!)).toEqual([2, 3]);
    for (const tensor of [held, keptX]) (tensor as EngineTensor).dispose();
    await executable.dispose();
  });

  claim("what comes back belongs to the caller", async () => {
    const x = input("x", [2], "float32");
    const weight = parameter("weight", [2]);
    const graph = graphOf({ given: x, own: weight, constant: constant(Float32Array.of(5, 6), [2]), y: add(x, weight) });
    const executable = await engine().compile(graph, hostParameters({ weight: float32([3, 4], [2]) }));
    const source = float32([1, 2], [2]);
    const first = await runToHost(executable, { x: source });
    const before = Object.entries(first).map(([name, each]) => [name, values(each)]);
    for (const each of Object.values(first)) each.data.fill(99);
    expect(values(source)).toEqual([1, 2]);
    const second = await runToHost(executable, { x: source });
    expect(Object.entries(second).map(([name, each]) => [name, values(each)])).toEqual(before);
    await executable.dispose();
  });

  claim("executables and their parameters do not mix", async () => {
    const graph = graphOf({ y: mul(input("x", ["T"], "float32"), parameter("scale", [])) });
    const compileWith = (scale: number) => engine().compile(graph, hostParameters({ scale: float32([scale], []) }));
    const [two, three] = [await compileWith(2), await compileWith(3)];
    expect([await scaled(two), await scaled(three), await scaled(two)]).toEqual([
      [2, 10],
      [3, 15],
      [2, 10],
    ]);
    await two.dispose();
    expect(await scaled(three)).toEqual([3, 15]);
    await three.dispose();
  });
}

async function scaled(executable: Executable): Promise<number[]> {
  return values((await runToHost(executable, { x: float32([1, 5], [2]) }))["y"]!);
}
