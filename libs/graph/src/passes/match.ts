/**
 * @file Unification of a traced template with a part of a graph.
 *
 * A template is a small graph that the same operations have recorded, with placeholders for what may vary: tensors
 * (`placeholder`), numbers (`hole`) and dimensions (wildcard symbols such as `?D`). Operands of `add` and `mul` match in
 * either order.
 */
import { isWildcard, type Dim, type Shape } from "../dims.ts";
import { constant, createTensor, nameOf, valuesOf, type DType, type Tensor } from "../tensor.ts";

/** What a match has found for the variable parts of its template. */
export type Binding = {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly numbers: ReadonlyMap<string, number>;
  readonly dims: ReadonlyMap<string, Dim>;
  /** Nodes of the graph that the template covers, the root included, placeholders not. */
  readonly covered: readonly Tensor[];
};

/** A tensor of any kind whose rank is that of `shape`. */
export function placeholder(name: string, shape: Shape, dtype: DType = "float32"): Tensor {
  return createTensor({ op: "placeholder", inputs: [], attributes: { name }, shape, dtype });
}

/** Any constant of rank 0. */
export function hole(name: string): Tensor {
  const { values } = constant(0).attributes;
  return createTensor({ op: "hole", inputs: [], attributes: { name, values }, shape: [], dtype: "float32" });
}

const COMMUTATIVE = new Set(["add", "mul"]);

/** Find values for the template's variable parts under which it equals the graph that ends in `node`, or `null`. */
export function match(template: Tensor, node: Tensor): Binding | null {
  return unify(template, node, { tensors: new Map(), numbers: new Map(), dims: new Map(), covered: [] });
}

function unify(template: Tensor, node: Tensor, binding: Binding): Binding | null {
  if (template.op === "placeholder") return bindTensor(template, node, binding);
  if (template.op === "hole") return bindNumber(template, node, binding);
  if (template.op !== node.op || template.inputs.length !== node.inputs.length) return null;
  if (template.op === "constant") return sameConstant(template, node) ? binding : null;
  const dims = unifyValue(template.attributes, node.attributes, binding.dims);
  if (dims === null) return null;
  const here: Binding = { ...binding, dims, covered: [...binding.covered, node] };
  const inOrder = unifyAll(template.inputs, node.inputs, here);
  if (inOrder !== null || !COMMUTATIVE.has(node.op)) return inOrder;
  return unifyAll(template.inputs, node.inputs.toReversed(), here);
}

function unifyAll(templates: readonly Tensor[], nodes: readonly Tensor[], binding: Binding): Binding | null {
  return templates.reduce<Binding | null>(
    (sofar, template, position) => sofar && unify(template, nodes[position]!, sofar),
    binding,
  );
}

function bindTensor(template: Tensor, node: Tensor, binding: Binding): Binding | null {
  const name = nameOf(template);
  const bound = binding.tensors.get(name);
  if (bound !== undefined) return bound === node ? binding : null;
  if (template.dtype !== node.dtype || template.shape.length !== node.shape.length) return null;
  const dims = unifyValue(template.shape, node.shape, binding.dims);
  return dims && { ...binding, dims, tensors: new Map([...binding.tensors, [name, node]]) };
}

function bindNumber(template: Tensor, node: Tensor, binding: Binding): Binding | null {
  if (node.op !== "constant" || node.shape.length !== 0) return null;
  const name = nameOf(template);
  const value = valuesOf(node)[0]!;
  const bound = binding.numbers.get(name);
  if (bound !== undefined) return Object.is(bound, value) ? binding : null;
  return { ...binding, numbers: new Map([...binding.numbers, [name, value]]) };
}

function sameConstant(template: Tensor, node: Tensor): boolean {
  return template.shape.length === 0 && node.shape.length === 0 && Object.is(valuesOf(template)[0], valuesOf(node)[0]);
}

/** Attributes and shapes: equal values, where a wildcard dimension equals whatever it meets first. */
function unifyValue(template: unknown, value: unknown, dims: Binding["dims"]): Binding["dims"] | null {
  if (typeof template === "string" && isWildcard(template)) {
    const bound = dims.get(template);
    if (bound !== undefined) return bound === value ? dims : null;
    return new Map([...dims, [template, value as Dim]]);
  }
  if (typeof template !== "object" || template === null) return template === value ? dims : null;
  if (typeof value !== "object" || value === null) return null;
  const entries = Object.entries(template);
  if (entries.length !== Object.keys(value).length) return null;
  return entries.reduce<Binding["dims"] | null>(
    (sofar, [key, each]) => sofar && unifyValue(each, (value as Record<string, unknown>)[key], sofar),
    dims,
  );
}
