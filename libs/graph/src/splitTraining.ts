/**
 * @file A traced model as two graphs: a forward pass that keeps what the backward pass needs, and the backward pass.
 *
 * In a pipeline the two run at different times, so values that both need cross the boundary of an engine: the forward graph
 * has them as outputs `saved.<k>`, the backward graph as inputs of the same name. What is not worth keeping is computed
 * again in the backward graph, by the same operations, so that both passes see the same bytes.
 *
 * Parameters become inputs of both graphs, under their names: their values change from step to step.
 */
import { backpropagate } from "./gradient.ts";
import { graphOf, reachable, type Graph } from "./graph.ts";
import { rewrite } from "./passes/rewrite.ts";
import { constant, createTensor, input, nameOf, type Tensor } from "./tensor.ts";

export type TrainingGraphs = {
  /** Outputs: those of the model, and `saved.<k>`. */
  readonly forward: Graph;
  /** Inputs: `saved.<k>`, `gradient.<output>` for each differentiated output, and what it shares with the forward graph. Outputs: `gradient.<source>`. */
  readonly backward: Graph;
  readonly saved: readonly string[];
};

export type SplitOptions = {
  /** Outputs of the model whose gradients the backward pass is given; an output of rank 0 is a loss with gradient 1. */
  readonly differentiate: readonly string[];
  /** What to differentiate by, under the names that the gradients get. */
  readonly sources: ReadonlyMap<string, Tensor>;
  /** Whether the backward pass computes a value again rather than keeping it. Results that are not float32 never are kept. */
  readonly recompute?: (node: Tensor) => boolean;
};

/** Rearranging costs next to nothing; all arithmetic is kept. */
export const recomputeRearrangements = (node: Tensor): boolean => node.op === "reshape" || node.op === "broadcastTo";

/** @param outputs - the model's outputs by name */
export function splitTraining(outputs: Readonly<Record<string, Tensor>>, options: SplitOptions): TrainingGraphs {
  const { differentiate, sources, recompute = recomputeRearrangements } = options;
  const forwardNodes = new Set(reachable(Object.values(outputs)));
  const seeds = differentiate.map((name) => {
    const output = outputs[name];
    if (output === undefined) throw new Error(`internal: no output is named "${name}"`);
    return { output, gradient: seedOf(name, output) };
  });
  const gradients = backpropagate(seeds, [...sources.values()]);
  const backwardOutputs = new Map<string, Tensor>();
  [...sources.keys()].forEach((name, position) => {
    const gradient = gradients[position];
    if (gradient) backwardOutputs.set(`gradient.${name}`, gradient);
  });
  const isKept = (node: Tensor) =>
    forwardNodes.has(node) && node.dtype === "float32" && !isGiven(node) && !recompute(node);
  const { graph, kept } = cutAtKept(backwardOutputs, isKept);
  const savedOutputs = kept.map((node, index) => [`saved.${index}`, node] as const);
  return {
    forward: parametersAsInputs(graphOf(new Map([...Object.entries(outputs), ...savedOutputs]))),
    backward: parametersAsInputs(graph),
    saved: savedOutputs.map(([name]) => name),
  };
}

function seedOf(name: string, output: Tensor): Tensor {
  return output.shape.length === 0 ? constant(1) : input(`gradient.${name}`, output.shape, "float32");
}

const isGiven = ({ op }: Tensor) => op === "input" || op === "parameter" || op === "constant";

/** Put inputs in the place of forward values that are kept, and leave out what only they needed. */
function cutAtKept(
  outputs: ReadonlyMap<string, Tensor>,
  isKept: (node: Tensor) => boolean,
): { readonly graph: Graph; readonly kept: readonly Tensor[] } {
  const kept: Tensor[] = [];
  const placed = new Map<Tensor, Tensor>();
  for (const node of neededBy(outputs, isKept)) {
    if (isGiven(node)) placed.set(node, node);
    else if (isKept(node)) {
      placed.set(node, input(`saved.${kept.length}`, node.shape, "float32"));
      kept.push(node);
    } else {
      const inputs = node.inputs.map((each) => placed.get(each)!);
      const { op, attributes, shape, dtype, scope } = node;
      placed.set(node, createTensor({ op, inputs, attributes, shape, dtype, scope }));
    }
  }
  return { graph: graphOf(new Map([...outputs].map(([name, node]) => [name, placed.get(node)!]))), kept };
}

/** Nodes that the backward pass touches, where kept values end a path; sorted as a graph is. */
function neededBy(outputs: ReadonlyMap<string, Tensor>, isKept: (node: Tensor) => boolean): Tensor[] {
  const seen = new Set<Tensor>(outputs.values());
  const pending = [...seen];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (isKept(node)) continue;
    for (const each of node.inputs) {
      if (!seen.has(each)) {
        seen.add(each);
        pending.push(each);
      }
    }
  }
  return [...seen].toSorted((a, b) => a.id - b.id);
}

/** A graph whose weights are given with each run. */
export function parametersAsInputs(graph: Graph): Graph {
  return rewrite(graph, (node) => (node.op === "parameter" ? input(nameOf(node), node.shape, "float32") : node));
}
