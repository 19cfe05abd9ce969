/**
 * @file Engine on TensorFlow.js: a graph is interpreted node by node with its kernels.
 *
 * Serves tfjs-node and tfjs-node-gpu (backend `tensorflow`) and the wasm backend. There are no fused operations: tfjs's
 * fused product is a product followed by an addition, and it has no kernel for the others.
 *
 * A value lives until the last node that needs it has run. Parameters and constants are uploaded when the graph is compiled.
 * tfjs keeps its state per JavaScript realm, so a process (or a worker thread) has one backend.
 */
import { nameOf, optimize, resolveShape, valuesOf, type Graph, type Tensor } from "@stagecoach/graph";
import {
  isHostTensor,
  type Engine,
  type EngineTensor,
  type Executable,
  type HostTensor,
  type ParameterSource,
  type RunInputs,
} from "../engine.ts";
import { EngineFailureError, ParameterError } from "../errors.ts";
import { checkInputs, wantedOutputs } from "../hostTensor.ts";
import { checkInto } from "../inPlace.ts";
import { evaluateConstant } from "../reference/referenceEngine.ts";
import { planRun, type RunPlan } from "./runPlan.ts";
import { RunValues } from "./runValues.ts";
import type { TfModule, TfTensor } from "./tf.ts";
import { tfKernels, type TfKernel } from "./tfKernels.ts";
import { download, heldTensor, replaceHeld, tensorOf, upload } from "./tfTensors.ts";
import { wasmKernels } from "./wasmKernels.ts";
import { withExplicitTransposes } from "./wasmProducts.ts";

export type TfjsOptions = {
  /** The name under which the engine was asked for: `tfjs-node-gpu`, `tfjs-node`, `tfjs-wasm`. */
  readonly name: string;
  readonly description: string;
};

/** @param tf - a module whose backend has been set and is ready */
export function createTfjsEngine(tf: TfModule, options: TfjsOptions): Engine {
  const isWasm = tf.getBackend() === "wasm";
  const context: Context = { tf, kernels: isWasm ? { ...tfKernels, ...wasmKernels } : tfKernels, name: options.name };
  return {
    ...options,
    fusedOperations: new Set(),
    async compile(graph, parameters) {
      const optimized = optimize(graph, { fusedOperations: new Set(), evaluate: evaluateConstant });
      const lowered = isWasm ? withExplicitTransposes(optimized) : optimized;
      return executable(context, lowered, await uploadResident(context, lowered, parameters));
    },
    hold: (tensor) => heldTensor(upload(tf, tensor), tensor),
    dispose: () => Promise.resolve(),
  };
}

type Context = {
  readonly tf: TfModule;
  readonly kernels: Readonly<Record<string, TfKernel>>;
  readonly name: string;
};

/** Values that stay with the executable: parameters, their transposes, constants. */
type Resident = ReadonlyMap<Tensor, TfTensor>;

async function uploadResident(context: Context, graph: Graph, parameters: ParameterSource): Promise<Resident> {
  const { tf, name } = context;
  const resident = new Map<Tensor, TfTensor>();
  try {
    for (const node of graph.nodes) {
      if (node.op === "parameter") {
        const { shape, data } = await parameters.read(nameOf(node));
        if (shape.join() !== node.shape.join()) throw new ParameterError(nameOf(node), node.shape, shape);
        resident.set(node, upload(tf, { dtype: "float32", shape, data }));
      } else if (node.op === "constant") {
        resident.set(node, upload(tf, { dtype: node.dtype, shape: fixedShape(node), data: valuesOf(node) }));
      } else if (node.op === "transpose" && resident.has(node.inputs[0])) {
        const inputs = [resident.get(node.inputs[0])!];
        resident.set(node, compute(context, node, { inputs, shape: fixedShape(node) }));
      }
    }
  } catch (error) {
    resident.forEach((tensor) => tensor.dispose());
    throw error instanceof ParameterError ? error : new EngineFailureError(name, "compile", error);
  }
  disposeUnused(graph, resident);
  return resident;
}

const fixedShape = (node: Tensor) => resolveShape(node.shape, new Map());

/** A parameter that is only used transposed need not stay beside its transpose. */
function disposeUnused(graph: Graph, resident: Map<Tensor, TfTensor>): void {
  const used = new Set<Tensor>(graph.outputs.values());
  for (const node of graph.nodes) if (!resident.has(node)) node.inputs.forEach((each) => used.add(each));
  for (const [node, tensor] of resident) {
    if (used.has(node)) continue;
    tensor.dispose();
    resident.delete(node);
  }
}

function executable(context: Context, graph: Graph, resident: Resident): Executable {
  const plans = new Map<string, RunPlan>();
  const planOf = (wanted: readonly string[]): RunPlan => {
    const key = JSON.stringify(wanted);
    const plan = plans.get(key) ?? planRun(graph, { wanted, isResident: (node) => resident.has(node) });
    plans.set(key, plan);
    return plan;
  };
  return {
    async run(given, options = {}) {
      const bindings = checkInputs(graph, given);
      const { into = {} } = options;
      checkInto(graph, given, { into, bindings });
      const wanted = wantedOutputs(graph, options.outputs).filter((name) => !Object.hasOwn(into, name));
      const values = new RunValues(resident);
      try {
        interpret(context, planOf([...wanted, ...Object.keys(into)]), {
          given,
          values,
          shapeOf: (node) => resolveShape(node.shape, bindings),
        });
        const results = await collect(context, { graph, values, wanted, kept: new Set(options.keep) });
        for (const [name, handle] of Object.entries(into))
          replaceHeld(handle, context.tf.clone(values.get(graph.outputs.get(name)!)));
        return results;
      } catch (error) {
        throw new EngineFailureError(context.name, "run", error);
      } finally {
        values.dispose();
      }
    },
    dispose() {
      resident.forEach((tensor) => tensor.dispose());
      return Promise.resolve();
    },
  };
}

type Run = {
  readonly given: RunInputs;
  readonly values: RunValues;
  readonly shapeOf: (node: Tensor) => readonly number[];
};

function interpret(context: Context, { steps }: RunPlan, { given, values, shapeOf }: Run): void {
  for (const { node, released } of steps) {
    if (node.op === "input") {
      const tensor = given[nameOf(node)];
      if (isHostTensor(tensor)) values.own(node, upload(context.tf, tensor));
      else values.borrow(node, tensorOf(tensor));
    } else {
      const inputs = node.inputs.map((each) => values.get(each));
      values.own(node, compute(context, node, { inputs, shape: shapeOf(node) }));
    }
    released.forEach((each) => values.release(each));
  }
}

type Step = { readonly inputs: readonly TfTensor[]; readonly shape: readonly number[] };

function compute({ tf, kernels }: Context, node: Tensor, { inputs, shape }: Step): TfTensor {
  return tf.tidy(() => {
    const result = kernels[node.op](tf, inputs, { shape, attributes: node.attributes });
    // Each value is disposed of on its own.
    return inputs.includes(result) ? tf.clone(result) : result;
  });
}

type Collected = {
  readonly graph: Graph;
  readonly values: RunValues;
  readonly wanted: readonly string[];
  readonly kept: ReadonlySet<string>;
};

/** Outputs by name: in JavaScript memory, or as handles where they are to be kept. */
async function collect(context: Context, { graph, values, wanted, kept }: Collected) {
  const results: Record<string, HostTensor | EngineTensor> = {};
  for (const name of wanted.filter((each) => !kept.has(each))) {
    const tensor = values.get(graph.outputs.get(name)!);
    results[name] = { dtype: graph.outputs.get(name)!.dtype, shape: tensor.shape, data: await download(tensor) };
  }
  for (const name of wanted.filter((each) => kept.has(each))) {
    const tensor = context.tf.clone(values.get(graph.outputs.get(name)!));
    results[name] = heldTensor(tensor, { dtype: graph.outputs.get(name)!.dtype, shape: tensor.shape });
  }
  return results;
}
