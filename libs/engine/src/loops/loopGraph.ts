/**
 * @file Graphs of element-wise arithmetic over large tensors, as loops: one pass over memory, however many operations.
 *
 * An engine that runs one operation after another goes through memory once for each of them, and where tensors are larger than
 * the caches (an optimizer's update of all parameters) that is all that it does. Here a value is loaded once, everything is done
 * with it, and the results are stored: what XLA calls loop fusion.
 *
 * Tensors in a loop have one size, known when it is compiled; beside them there are scalars.
 */
import { countUses, nameOf, sizeOfShape, valuesOf, type Graph, type Tensor } from "@stagecoach/graph";
import { isLoopOperation, type LoopProgram, type Operand } from "./loopProgram.ts";

/** One function over tensors of one size. */
export type Loop = {
  /** Inputs of `size` values. */
  readonly inputs: readonly string[];
  /** Outputs of `size` values. */
  readonly outputs: readonly string[];
  /** Inputs of rank 0. */
  readonly scalars: readonly string[];
  /** Outputs of rank 0, each the sum of `size` values. */
  readonly sums: readonly string[];
  readonly size: number;
  readonly program: LoopProgram;
};

const isScalar = ({ shape }: Tensor) => shape.length === 0;
const isComputed = ({ op }: Tensor) => op !== "input" && op !== "constant";
const isStatic = ({ shape }: Tensor) => shape.every((dim) => typeof dim === "number");

/** @returns null unless all of the graph is such arithmetic, and loops save at least one pass */
export function loopsOf(graph: Graph): readonly Loop[] | null {
  const computed = graph.nodes.filter(isComputed);
  if (computed.length <= graph.outputs.size) return null;
  const uses = countUses(graph);
  const outputs = [...graph.outputs.values()];
  const isOnlyOutput = (node: Tensor) => uses.get(node) === 1 && outputs.includes(node);
  const isSupported = (node: Tensor) => {
    if (node.dtype !== "float32" || !isStatic(node)) return false;
    // A program travels as JSON, which has no infinity.
    if (node.op === "constant") return isScalar(node) && Number.isFinite(valuesOf(node)[0]);
    if (node.op === "input") return true;
    if (node.op === "sum") return isScalar(node) && !isScalar(node.inputs[0]) && isOnlyOutput(node);
    return (
      isLoopOperation(node.op) &&
      !isScalar(node) &&
      node.inputs.every((each) => isScalar(each) || isOfShape(each, node))
    );
  };
  if (!graph.nodes.every(isSupported) || !outputs.every(isComputed)) return null;
  return connected(graph).map((nodes) => loopOf(nodes, graph));
}

const isOfShape = (a: Tensor, b: Tensor) => a.shape.join() === b.shape.join();

/** Tensors that belong together because one leads to the other; scalars belong to all. */
function connected(graph: Graph): Tensor[][] {
  const groups = new Map<Tensor, Tensor[]>();
  for (const node of graph.nodes.filter((each) => isComputed(each) || !isScalar(each))) {
    const merged = [...new Set(node.inputs.flatMap((each) => groups.get(each) ?? [])), node];
    for (const each of merged) groups.set(each, merged);
  }
  return [...new Set(groups.values())].map((nodes) => nodes.toSorted((a, b) => a.id - b.id));
}

function loopOf(nodes: readonly Tensor[], graph: Graph): Loop {
  const isMember = new Set(nodes);
  const inputs = nodes.filter((node) => node.op === "input");
  const steps = nodes.filter((node) => isComputed(node) && node.op !== "sum");
  const used = new Set(steps.flatMap((node) => node.inputs));
  const scalars = graph.inputs.filter((each) => isScalar(each) && used.has(each));
  const outputs = [...graph.outputs].filter(([, node]) => isMember.has(node));
  const tensors = outputs.filter(([, node]) => node.op !== "sum");
  const sums = outputs.filter(([, node]) => node.op === "sum");
  const operands = new Map<Tensor, Operand>([
    ...inputs.map((node, index): [Tensor, Operand] => [node, { input: index }]),
    ...scalars.map((node, index): [Tensor, Operand] => [node, { scalar: index }]),
    ...steps.map((node, index): [Tensor, Operand] => [node, { step: index }]),
  ]);
  const operand = (node: Tensor): Operand =>
    node.op === "constant" ? { number: valuesOf(node)[0] } : operands.get(node)!;
  return {
    inputs: inputs.map(nameOf),
    outputs: tensors.map(([name]) => name),
    scalars: scalars.map(nameOf),
    sums: sums.map(([name]) => name),
    size: sizeOfShape(inputs[0].shape as readonly number[]),
    program: {
      numInputs: inputs.length,
      numScalars: scalars.length,
      steps: steps.map(({ op, inputs: given }) => {
        if (!isLoopOperation(op)) throw new Error(`internal: "${op}" in a loop`);
        return { operation: op, operands: given.map(operand) };
      }),
      outputs: tensors.map(([, node]) => operand(node)),
      sums: sums.map(([, node]) => operand(node.inputs[0])),
    },
  };
}
