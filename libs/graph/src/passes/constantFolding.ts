/** @file Constant folding: what depends on constants alone is computed once, when the graph is compiled. */
import { sizeOfShape } from "../dims.ts";
import type { Graph } from "../graph.ts";
import { arrayFor, constant, type Tensor } from "../tensor.ts";
import { rewrite } from "./rewrite.ts";

/** Computes one node whose inputs are all constants; libs/engine hands in its reference kernels. */
export type Evaluate = (node: Tensor) => ArrayLike<number>;

/** A folded constant is written into the graph; above this many values, computing it anew is cheaper than carrying it. */
const MAX_FOLDED_VALUES = 65_536;

/** Replace nodes whose inputs are all constants by a constant. */
export function foldConstants(graph: Graph, evaluate: Evaluate): Graph {
  return rewrite(graph, (node) => {
    const isFoldable = node.inputs.length > 0 && node.inputs.every(({ op }) => op === "constant");
    if (!isFoldable || !node.shape.every((dim) => typeof dim === "number")) return node;
    const { shape } = node;
    if (sizeOfShape(shape) > MAX_FOLDED_VALUES) return node;
    return constant(arrayFor(node.dtype, evaluate(node)), shape, node.dtype);
  });
}
