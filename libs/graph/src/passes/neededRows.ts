/**
 * @file Rows that nobody asks for are not computed: a gather moves up through operations that treat each row by itself.
 *
 * A head that reads the first token, or the masked ones, needs few rows of the last layer. Behind attention every operation
 * of a layer is row by row (projection, residual, norm, feed-forward), so gathering what attention gives, instead of what
 * the layer gives, leaves most of the layer's products out, forward and backward. The values are the same, but for rounding
 * where an engine multiplies few rows in another way than many.
 */
import type { Graph } from "../graph.ts";
import { createTensor, type Tensor } from "../tensor.ts";
import { rewrite } from "./rewrite.ts";

const unary = new Set(["abs", "erf", "exp", "log", "relu", "sigmoid", "sqrt", "tanh"]);
const binary = new Set(["add", "sub", "mul", "div"]);
const reductions = new Set(["sum", "mean", "max"]);

/** Compute only the rows that a gather takes, wherever all of a value's uses are gathers of the same rows. */
export function computeNeededRows(graph: Graph): Graph {
  const users = usersOf(graph);
  const rowsNeeded = new Map<Tensor, Tensor>();
  for (const node of graph.nodes.toReversed()) {
    const index = commonIndex(node);
    if (index !== null) rowsNeeded.set(node, index);
  }

  /** The index of all gathers through which a value that can be computed by rows is used, or null. */
  function commonIndex(node: Tensor): Tensor | null {
    const uses = users.get(node);
    if (rowInputs(node) === null || uses === undefined) return null;
    const indices = new Set(uses.map((user) => indexFor(node, user)));
    return indices.size === 1 ? [...indices][0]! : null;
  }

  function indexFor(node: Tensor, user: Tensor | null): Tensor | null {
    if (user === null) return null;
    if (user.op === "gatherRows")
      return user.inputs[0] === node && user.inputs[1]!.shape.length === 1 ? user.inputs[1]! : null;
    return rowInputs(user)?.includes(node) === true ? (rowsNeeded.get(user) ?? null) : null;
  }

  const gathered = new Map<Tensor, Map<Tensor, Tensor>>();
  return rewrite(graph, (node, { original, now }) => {
    const [table, index] = original.inputs;
    return original.op === "gatherRows" && rowsNeeded.has(table!) ? rowsOf(table!, index!, now) : node;
  });

  function rowsOf(node: Tensor, index: Tensor, now: (node: Tensor) => Tensor): Tensor {
    const known = gathered.get(index) ?? new Map<Tensor, Tensor>();
    gathered.set(index, known);
    const rows = known.get(node) ?? rowsAnew(node, index, now);
    known.set(node, rows);
    return rows;
  }

  function rowsAnew(node: Tensor, index: Tensor, now: (node: Tensor) => Tensor): Tensor {
    const shape = [index.shape[0]!, ...node.shape.slice(1)];
    const { dtype, scope, op, attributes } = node;
    if (!rowsNeeded.has(node))
      return createTensor({ op: "gatherRows", inputs: [now(node), now(index)], attributes: {}, shape, dtype, scope });
    const byRow = rowInputs(node)!;
    const inputs = node.inputs.map((each) => (byRow.includes(each) ? rowsOf(each, index, now) : now(each)));
    return createTensor({ op, inputs, attributes, shape, dtype, scope });
  }
}

/** Users of every node; null stands for the caller, who is given an output. */
function usersOf(graph: Graph): ReadonlyMap<Tensor, readonly (Tensor | null)[]> {
  const users = new Map<Tensor, (Tensor | null)[]>();
  const use = (node: Tensor, user: Tensor | null) => users.set(node, [...(users.get(node) ?? []), user]);
  for (const node of graph.nodes) for (const each of node.inputs) use(each, node);
  graph.outputs.forEach((node) => use(node, null));
  return users;
}

/** The inputs whose row i alone, with all of the others, gives row i of the result; null for other operations. */
function rowInputs({ op, inputs, shape, attributes }: Tensor): readonly Tensor[] | null {
  const [rows] = shape;
  if (shape.length < 2 || typeof rows !== "string") return null;
  const hasRows = (each: Tensor) => each.shape.length === shape.length && each.shape[0] === rows;
  if (unary.has(op)) return inputs;
  if (op === "softmax" || op === "logSoftmax") return inputs;
  if (binary.has(op)) return inputs.filter(hasRows);
  if (reductions.has(op)) return (attributes["axes"] as number[]).includes(0) ? null : inputs;
  // A product of a value with itself needs all of its rows.
  const isByRow = op === "matMul" && shape.length === 2 && attributes["transposeA"] !== true && inputs[0] !== inputs[1];
  return isByRow ? inputs.slice(0, 1) : null;
}
