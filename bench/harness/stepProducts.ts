/**
 * @file How long a training step's matrix products take by themselves on an engine: the limit of what a step can reach.
 *
 * Dimensions: B texts, L longest text, T packed tokens.
 */
import { float32, hostParameters, type Engine, type EngineTensor } from "@stagecoach/engine";
import {
  computeNeededRows,
  graphOf,
  input,
  matMul,
  nameOf,
  resolveShape,
  splitTraining,
  type Tensor,
} from "@stagecoach/graph";
import { trainingStageGraph, type TaskModel } from "@stagecoach/transformer";
import { median } from "./pairs.ts";

const RUNS = 9;

export type StepProductsOptions = {
  readonly engine: Engine;
  readonly model: TaskModel;
  readonly sizes: Readonly<Record<"B" | "L" | "T", number>>;
};

/** @returns milliseconds, and the floating-point operations that they stand for, in units of 1e9 */
export async function stepProducts(options: StepProductsOptions): Promise<{ ms: number; gflop: number }> {
  const { engine, model, sizes } = options;
  const symbols = new Map(Object.entries(sizes));
  let [ms, gflop] = [0, 0];
  for (const { node, count } of distinctProducts(model, symbols)) {
    const [a, b] = node.inputs.map(({ shape }) => resolveShape(shape, symbols)) as [number[], number[]];
    const y = matMul(input("a", a, "float32"), input("b", b, "float32"), node.attributes);
    const executable = await engine.compile(graphOf({ y }), hostParameters({}));
    const held = (shape: readonly number[]) =>
      engine.hold(float32(new Float32Array(shape.reduce((x, z) => x * z, 1)).fill(0.5), shape));
    const given = { a: held(a), b: held(b) };
    const times: number[] = [];
    for (let run = 0; run < RUNS; run++) {
      const started = performance.now();
      const { y: result } = await executable.run(given, { keep: ["y"] });
      times.push(performance.now() - started);
      (result as EngineTensor).dispose();
    }
    ms += count * median(times);
    const inner = node.attributes["transposeA"] === true ? a.at(-2)! : a.at(-1)!;
    gflop += (count * 2 * inner * resolveShape(node.shape, symbols).reduce((x, z) => x * z, 1)) / 1e9;
    Object.values(given).forEach((tensor) => tensor.dispose());
    await executable.dispose();
  }
  return { ms, gflop };
}

type Product = { readonly node: Tensor; count: number };

/** Products of the forward and the backward graph; those of the same shapes are one, counted. */
function distinctProducts(model: TaskModel, symbols: ReadonlyMap<string, number>): Product[] {
  const { outputs, parameters } = trainingStageGraph(
    model,
    { start: 0, end: model.config.numLayers },
    { dropout: null },
  );
  const needed = Object.fromEntries(computeNeededRows(graphOf(outputs)).outputs);
  const { forward, backward } = splitTraining(needed, {
    differentiate: ["loss"],
    sources: new Map(parameters.map((node) => [nameOf(node), node])),
  });
  const products = new Map<string, Product>();
  for (const node of [...forward.nodes, ...backward.nodes].filter(({ op }) => op === "matMul")) {
    const shapes = node.inputs.map(({ shape }) => resolveShape(shape, symbols));
    const key = JSON.stringify([shapes, node.attributes]);
    const known = products.get(key);
    if (known === undefined) products.set(key, { node, count: 1 });
    else known.count++;
  }
  return [...products.values()];
}
