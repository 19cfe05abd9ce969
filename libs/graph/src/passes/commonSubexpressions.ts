/** @file Common subexpressions: nodes that compute the same from the same are one node. */
import type { Graph } from "../graph.ts";
import { valuesOf, type Tensor } from "../tensor.ts";
import { rewrite } from "./rewrite.ts";

/** Merge equal nodes; the first one stays. Inputs and parameters are equal by name, constants by value. */
export function mergeCommonSubexpressions(graph: Graph): Graph {
  const seen = new Map<string, Tensor>();
  return rewrite(graph, (node) => {
    const key = keyOf(node);
    const known = seen.get(key);
    if (known !== undefined) return known;
    seen.set(key, node);
    return node;
  });
}

function keyOf(node: Tensor): string {
  const inputs = node.inputs.map(({ id }) => id).join();
  if (node.op !== "constant") return `${node.op}(${inputs})${JSON.stringify(node.attributes)}`;
  const values = valuesOf(node);
  // -0 and 0 differ in division; JSON writes both as 0.
  const bits =
    values instanceof Float32Array ? new Int32Array(values.buffer, values.byteOffset, values.length) : values;
  return `constant:${node.dtype}[${node.shape.join()}]${bits.join()}`;
}
