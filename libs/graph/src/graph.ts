/**
 * @file A graph: the tensors that named outputs depend on, in an order in which they can be computed.
 *
 * A graph is immutable. Passes (passes/*.ts) build new ones.
 */
import { isWildcard } from "./dims.ts";
import { GraphError } from "./errors.ts";
import { nameOf, type Tensor } from "./tensor.ts";

export type Graph = {
  /** Tensors that each run gives, in the order in which the model named them. */
  readonly inputs: readonly Tensor[];
  /** Weights, by checkpoint name. */
  readonly parameters: readonly Tensor[];
  readonly outputs: ReadonlyMap<string, Tensor>;
  /** Every node that an output depends on, inputs, parameters and constants included; each after those it needs. */
  readonly nodes: readonly Tensor[];
};

/**
 * The graph of what `outputs` depend on; whatever else was recorded is left out.
 *
 * @throws GraphError when two of the inputs, parameters and outputs share a name, or when a symbol stands in
 *   no input's shape, so that no run could learn its value
 */
export function graphOf(outputs: Readonly<Record<string, Tensor>> | ReadonlyMap<string, Tensor>): Graph {
  const named: ReadonlyMap<string, Tensor> = outputs instanceof Map ? outputs : new Map(Object.entries(outputs));
  const nodes = reachable([...named.values()]);
  const inputs = nodes.filter((node) => node.op === "input");
  const parameters = nodes.filter((node) => node.op === "parameter");
  expectDistinctNames([...inputs, ...parameters]);
  expectBoundSymbols(nodes, inputs);
  const clash = [...inputs, ...parameters].map(nameOf).find((name) => named.has(name));
  if (clash !== undefined)
    throw new GraphError(`graph: "${clash}" names an output and an input or parameter; give the output another name`);
  return { inputs, parameters, outputs: named, nodes };
}

/** All nodes that `roots` depend on, sorted by id, which is a topological order. */
export function reachable(roots: readonly Tensor[]): Tensor[] {
  const seen = new Set<Tensor>(roots);
  const pending = [...roots];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    for (const each of node.inputs) {
      if (!seen.has(each)) {
        seen.add(each);
        pending.push(each);
      }
    }
  }
  return [...seen].toSorted((a, b) => a.id - b.id);
}

function expectDistinctNames(nodes: readonly Tensor[]): void {
  const seen = new Set<string>();
  for (const node of nodes) {
    const name = nameOf(node);
    if (seen.has(name)) {
      throw new GraphError(
        `graph: expected one input or parameter named "${name}", got two (create it once and use it twice)`,
      );
    }
    seen.add(name);
  }
}

function expectBoundSymbols(nodes: readonly Tensor[], inputs: readonly Tensor[]): void {
  const bound = new Set(inputs.flatMap((node) => node.shape.filter((dim) => typeof dim === "string")));
  for (const node of nodes) {
    const free = node.shape.find(
      (dim): dim is string => typeof dim === "string" && !isWildcard(dim) && !bound.has(dim),
    );
    if (free !== undefined) {
      throw new GraphError(
        `graph: dimension "${free}" of a "${node.op}" node stands in no input's shape, so no run can know its size`,
      );
    }
  }
}

/** How often each node is used as an input or as an output of the graph. */
export function countUses(graph: Graph): ReadonlyMap<Tensor, number> {
  const uses = new Map<Tensor, number>(graph.nodes.map((node) => [node, 0]));
  const use = (node: Tensor) => uses.set(node, (uses.get(node) ?? 0) + 1);
  for (const node of graph.nodes) node.inputs.forEach(use);
  graph.outputs.forEach(use);
  return uses;
}
