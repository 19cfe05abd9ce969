/** @file A graph as an ONNX model: what onnxruntime runs is what a user can take away. */
import {
  nameOf,
  valuesOf,
  type FusedOperationName,
  type Graph,
  type OperationName,
  type Tensor,
} from "@stagecoach/graph";
import { fusedLowerings } from "./fusedLowerings.ts";
import { lowerings } from "./lowerings.ts";
import { bytesOf, MICROSOFT, ModelBuilder } from "./modelBuilder.ts";
import type { OnnxInitializer, OnnxModel, OnnxSequence, OnnxValue } from "./onnxModel.ts";
import type { Prologue } from "./paddedInputs.ts";

const OPSET = 18;

export type EmitOnnxOptions = {
  readonly graphName: string;
  /** Where the values of a parameter are: in the model, or in a file beside it. */
  readonly parameterValues: (name: string) => OnnxInitializer["values"];
  /** Parameters that are inputs of the model, of their fixed shapes: none when left out. */
  readonly isInput?: (name: string) => boolean;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Emits nodes before the graph that compute its inputs from others. */
  readonly prologue?: (builder: ModelBuilder) => Prologue;
  /** Name of an empty sequence that comes before the graph's outputs (onnxruntime/runInPlace.ts). */
  readonly leadingSequence?: string;
};

/**
 * Lower a graph, after `optimize`, to ONNX.
 *
 * Inputs and outputs keep their names, parameters their checkpoint names; nodes are named after the scope that recorded them.
 */
export function emitOnnx(graph: Graph, options: EmitOnnxOptions): OnnxModel {
  const builder = new ModelBuilder();
  const names = new Map<Tensor, string>();
  const prologue = options.prologue?.(builder);
  const { isInput = () => false } = options;
  const inputs = [
    ...(prologue?.inputs ?? graph.inputs.map((node) => valueOf(nameOf(node), node))),
    ...graph.parameters.filter((node) => isInput(nameOf(node))).map((node) => valueOf(nameOf(node), node)),
  ];
  const inputValue = (node: Tensor) => prologue?.values[nameOf(node)] ?? nameOf(node);
  for (const node of graph.inputs) builder.declareInput(inputValue(node), node.shape);

  for (const node of graph.nodes) {
    builder.enter(node.scope);
    names.set(node, lower(node));
  }
  builder.enter("");
  const leading = options.leadingSequence === undefined ? [] : [emptySequence(builder, options.leadingSequence)];
  const finalNames = new Map<Tensor, string>();
  const outputs = [...graph.outputs].map(([name, node]) => {
    builder.nameOutput(finalNames.get(node) ?? names.get(node)!, name);
    if (!finalNames.has(node)) finalNames.set(node, name);
    return valueOf(name, node);
  });

  function lower(node: Tensor): string {
    if (node.op === "input") return inputValue(node);
    if (node.op === "parameter") {
      const name = nameOf(node);
      if (isInput(name)) return name;
      return builder.initializer({
        name,
        dtype: "float32",
        shape: node.shape as number[],
        values: options.parameterValues(name),
      });
    }
    if (node.op === "constant") {
      const values = { bytes: bytesOf(valuesOf(node)) };
      return builder.initializer({
        name: `/constant_${builder.initializers.length}`,
        dtype: node.dtype,
        shape: node.shape as number[],
        values,
      });
    }
    const inputNames = node.inputs.map((each) => names.get(each)!);
    const lowering = Object.hasOwn(lowerings, node.op)
      ? lowerings[node.op as OperationName]
      : fusedLowerings[node.op as FusedOperationName];
    return lowering(builder, inputNames, node);
  }

  return {
    graphName: options.graphName,
    producer: "stagecoach",
    opsets: { "": OPSET, [MICROSOFT]: 1 },
    nodes: builder.nodes,
    initializers: builder.initializers,
    inputs,
    outputs: [...leading, ...outputs],
    metadata: options.metadata ?? {},
  };
}

function emptySequence(builder: ModelBuilder, name: string): OnnxSequence {
  return { name: builder.emit("SequenceEmpty", [], { output: name }), sequence: true };
}

function valueOf(name: string, node: Tensor): OnnxValue {
  return { name, dtype: node.dtype, shape: node.shape };
}
