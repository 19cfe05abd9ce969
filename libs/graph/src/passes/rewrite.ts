/** @file Rebuild a graph node by node: the frame that the passes share. */
import { graphOf, type Graph } from "../graph.ts";
import { createTensor, type Tensor } from "../tensor.ts";

/** What a rewriting rule is given about one node. */
export type Visit = {
  readonly original: Tensor;
  /** What has taken the place of a node of the old graph that was visited before. */
  readonly now: (node: Tensor) => Tensor;
};

/**
 * Visit every node in topological order and put what `replace` returns in its place.
 *
 * @param replace - is given the node with its inputs already replaced; it is the original node if none of them changed
 * @returns a graph of the same outputs; nodes that nothing needs any more are gone, so this alone is dead code elimination
 */
export function rewrite(graph: Graph, replace: (node: Tensor, visit: Visit) => Tensor): Graph {
  const replaced = new Map<Tensor, Tensor>();
  const now = (node: Tensor): Tensor => {
    const found = replaced.get(node);
    if (found === undefined) throw new Error(`internal: node ${node.id} (${node.op}) was used before it was visited`);
    return found;
  };
  for (const original of graph.nodes) {
    const inputs = original.inputs.map(now);
    const isSame = inputs.every((each, position) => each === original.inputs[position]);
    const { op, attributes, shape, dtype, scope } = original;
    const node = isSame ? original : createTensor({ op, inputs, attributes, shape, dtype, scope });
    replaced.set(original, replace(node, { original, now }));
  }
  return graphOf(new Map([...graph.outputs].map(([name, node]) => [name, now(node)])));
}
