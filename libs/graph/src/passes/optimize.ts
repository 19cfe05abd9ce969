/** @file The passes that an engine runs before it lowers a graph, in their order. */
import type { Graph } from "../graph.ts";
import { mergeCommonSubexpressions } from "./commonSubexpressions.ts";
import { foldConstants, type Evaluate } from "./constantFolding.ts";
import { fuse } from "./fuse.ts";
import type { FusedOperationName } from "./fusionTemplates.ts";

export type OptimizeOptions = {
  readonly fusedOperations: ReadonlySet<FusedOperationName>;
  readonly evaluate: Evaluate;
};

/**
 * Fuse, fold constants, merge common subexpressions; dead code goes with each of them.
 * Fusion comes first: once equal nodes of two layers are merged, a group would reach across layers.
 */
export function optimize(graph: Graph, { fusedOperations, evaluate }: OptimizeOptions): Graph {
  return mergeCommonSubexpressions(foldConstants(fuse(graph, fusedOperations), evaluate));
}
