/**
 * @file Activation recomputation: which values a forward pass keeps when memory matters more than time.
 *
 * Chen et al. 2016 (arXiv 1604.06174), with one segment per layer: what enters a layer is kept, what is inside of it is
 * computed again when its backward pass comes.
 */
import type { Tensor } from "@stagecoach/graph";
import { reachable } from "@stagecoach/graph";
import type { TracedStage } from "@stagecoach/transformer";

/** True for every value that a node of another scope does not use: the inside of a layer. */
export function recomputeAllButHidden(traced: TracedStage): (node: Tensor) => boolean {
  const crossing = new Set<Tensor>();
  for (const node of reachable(Object.values(traced.outputs))) {
    for (const each of node.inputs) if (each.scope !== node.scope) crossing.add(each);
  }
  return (node) => !crossing.has(node);
}
