/** @file Which nodes a run computes for the outputs that are wanted, and after which of them a value is needed no more. */
import type { Graph, Tensor } from "@stagecoach/graph";

export type RunPlan = {
  /** Inputs and computed nodes in order; after each, the values that nothing needs any more. */
  readonly steps: readonly { readonly node: Tensor; readonly released: readonly Tensor[] }[];
};

export type RunPlanOptions = {
  readonly wanted: readonly string[];
  /** Whether a node's value is there before the run, and stays after it. */
  readonly isResident: (node: Tensor) => boolean;
};

/** Values of outputs are never released by a step. */
export function planRun(graph: Graph, { wanted, isResident }: RunPlanOptions): RunPlan {
  const isOutput = new Set(wanted.map((name) => graph.outputs.get(name)!));
  const needed = new Set<Tensor>(isOutput);
  const steps: { node: Tensor; released: Tensor[] }[] = [];
  // Backwards, the first use that is met is the last one of the run.
  for (const node of graph.nodes.toReversed()) {
    if (!needed.has(node) || isResident(node)) continue;
    const released = new Set(node.inputs.filter((each) => !needed.has(each) && !isResident(each)));
    node.inputs.forEach((each) => needed.add(each));
    steps.push({ node, released: [...released] });
  }
  return { steps: steps.toReversed() };
}
