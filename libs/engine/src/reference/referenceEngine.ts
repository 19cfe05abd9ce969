/**
 * @file The reference engine: every operation in float64 and plain TypeScript, one node after another.
 *
 * For tests only. Finite differences run here, and the real engines are compared with it.
 */
import {
  arrayFor,
  nameOf,
  optimize,
  resolveShape,
  valuesOf,
  type Bindings,
  type Graph,
  type OperationName,
  type Tensor,
} from "@stagecoach/graph";
import {
  isHostTensor,
  type Engine,
  type EngineTensor,
  type Executable,
  type HostTensor,
  type RunInputs,
} from "../engine.ts";
import { EngineFailureError, ParameterError } from "../errors.ts";
import { checkInputs, wantedOutputs } from "../hostTensor.ts";
import { checkInto } from "../inPlace.ts";
import { kernels } from "./kernels.ts";
import type { Value } from "./layout.ts";

export function createReferenceEngine(): Engine {
  return {
    name: "reference",
    description: "float64 in plain TypeScript",
    fusedOperations: new Set(),
    async compile(graph, parameters) {
      const optimized = optimize(graph, { fusedOperations: new Set(), evaluate: evaluateConstant });
      const weights = new Map<string, Value>();
      for (const node of optimized.parameters) {
        const { shape, data } = await parameters.read(nameOf(node));
        if (node.shape.join() !== shape.join()) throw new ParameterError(nameOf(node), node.shape, shape);
        weights.set(nameOf(node), { shape, data: Float64Array.from(data) });
      }
      return executable(optimized, weights);
    },
    hold: heldTensor,
    dispose: () => Promise.resolve(),
  };
}

/** Compute a node whose inputs are constants: what constant folding needs (libs/graph, passes/constantFolding.ts). */
export function evaluateConstant(node: Tensor): Float64Array {
  return compute(node, node.inputs.map(constantValue), new Map()).data;
}

function executable(graph: Graph, weights: ReadonlyMap<string, Value>): Executable {
  return {
    async run(given, options = {}) {
      const bindings = checkInputs(graph, given);
      const { into = {} } = options;
      checkInto(graph, given, { into, bindings });
      let values: ReadonlyMap<Tensor, Value>;
      try {
        values = interpret(graph, { given, weights, bindings });
      } catch (error) {
        throw new EngineFailureError("reference", "run", error);
      }
      const resultOf = (name: string): HostTensor => {
        const node = graph.outputs.get(name)!;
        const { shape, data } = values.get(node)!;
        return { dtype: node.dtype, shape, data: node.dtype === "float32" ? data.slice() : arrayFor(node.dtype, data) };
      };
      for (const [name, handle] of Object.entries(into)) held.set(handle, resultOf(name));
      const results = wantedOutputs(graph, options.outputs)
        .filter((name) => !Object.hasOwn(into, name))
        .map((name) => {
          const tensor = resultOf(name);
          return [name, options.keep?.includes(name) ? heldTensor(tensor) : tensor];
        });
      return Object.fromEntries(results);
    },
    dispose: () => Promise.resolve(),
  };
}

type Run = { readonly given: RunInputs; readonly weights: ReadonlyMap<string, Value>; readonly bindings: Bindings };

function interpret(graph: Graph, { given, weights, bindings }: Run): ReadonlyMap<Tensor, Value> {
  const values = new Map<Tensor, Value>();
  for (const node of graph.nodes) {
    if (node.op === "input") values.set(node, fromHost(given[nameOf(node)]));
    else if (node.op === "parameter") values.set(node, weights.get(nameOf(node))!);
    else if (node.op === "constant") values.set(node, constantValue(node));
    else {
      const inputs = node.inputs.map((each) => values.get(each)!);
      values.set(node, compute(node, inputs, bindings));
    }
  }
  return values;
}

function compute(node: Tensor, inputs: readonly Value[], bindings: Bindings): Value {
  const shape = resolveShape(node.shape, bindings);
  return { shape, data: kernels[node.op as OperationName](inputs, { shape, attributes: node.attributes }) };
}

function constantValue(node: Tensor): Value {
  return { shape: resolveShape(node.shape, new Map()), data: Float64Array.from(valuesOf(node)) };
}

const held = new WeakMap<EngineTensor, HostTensor>();

function heldTensor(tensor: HostTensor): EngineTensor {
  const copy: HostTensor = { ...tensor, data: tensor.data.slice() };
  const handle: EngineTensor = {
    dtype: tensor.dtype,
    shape: tensor.shape,
    read: async () => ({ ...hostOf(handle), data: hostOf(handle).data.slice() }),
    dispose: () => void held.delete(handle),
  };
  held.set(handle, copy);
  return handle;
}

function fromHost(tensor: HostTensor | EngineTensor): Value {
  const { shape, data } = isHostTensor(tensor) ? tensor : hostOf(tensor);
  return { shape, data: Float64Array.from(data) };
}

function hostOf(handle: EngineTensor): HostTensor {
  const tensor = held.get(handle);
  if (tensor === undefined) throw new Error("internal: a tensor was used after it was disposed of");
  return tensor;
}
