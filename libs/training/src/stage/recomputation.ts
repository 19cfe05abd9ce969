/**
 * @file Activation recomputation: which values a forward pass keeps when memory matters more than time.
 *
 * Chen et al. 2016 (arXiv 1604.06174), with one segment per layer: what enters a layer is kept, what is inside of it is
 * computed again when its backward pass comes.
 */
import type { Graph, Tensor } from "@stagecoach/graph";

/** True for every value that a node of another scope does not use: the inside of a layer. */
export function recomputeAllButHidden({ nodes }: Graph): (node: Tensor) => boolean {
  const crossing = new Set<Tensor>();
  for (const node of nodes) {
    for (const each of node.inputs) if (each.scope !== node.scope) crossing.add(each);
  }
  return (node) => !crossing.has(node);
}
