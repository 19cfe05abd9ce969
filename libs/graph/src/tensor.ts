/**
 * @file Symbolic tensors: what a model's code computes with while it is being traced.
 *
 * A tensor is a node of a graph: the operation that gives it, that operation's inputs and attributes, and the shape and
 * data type that follow from them. Nothing is computed here; engines do that (libs/engine). Every operation has one
 * result, so a node and its tensor are the same object. Nodes are created in topological order: ids only grow.
 */
import { formatShape, type Dim, type Shape } from "./dims.ts";
import { DTypeError, GraphError, ShapeError } from "./errors.ts";

/** Storage types of checkpoints (float16, bfloat16) are converted on load: graphs compute in these three. */
export type DType = "float32" | "int32" | "bool";

export type TensorType = { readonly shape: Shape; readonly dtype: DType };

/** Facts of a node that are known while tracing: axes, permutations, target shapes. Values are compared by JSON. */
export type Attributes = Readonly<Record<string, unknown>>;

/** Values of a constant. `bool` is 0 or 1. */
export type ConstantValues = Float32Array | Float64Array | Int32Array | Uint8Array;

export type Tensor = TensorType & {
  readonly id: number;
  /** Name of the operation, or `input`, `parameter`, `constant`. */
  readonly op: string;
  readonly inputs: readonly Tensor[];
  readonly attributes: Attributes;
  /** The part of the model that recorded this node, such as `encoder.layer.3`; fusion never crosses it. */
  readonly scope: string;
};

let nextId = 0;
let currentScope = "";

/** Create a node. Operations call this through `record` (operation.ts); passes call it to rebuild a graph. */
export function createTensor(node: Omit<Tensor, "id" | "scope"> & { readonly scope?: string }): Tensor {
  return { ...node, scope: node.scope ?? currentScope, id: nextId++ };
}

/** Nodes that `trace` records belong to the scope `name`, inside of the scope that is open already. */
export function withScope<T>(name: string, trace: () => T): T {
  const outer = currentScope;
  currentScope = outer === "" ? name : `${outer}.${name}`;
  try {
    return trace();
  } finally {
    currentScope = outer;
  }
}

/** A tensor that each run gives anew. */
export function input(name: string, shape: Shape, dtype: DType): Tensor {
  return createTensor({ op: "input", inputs: [], attributes: { name }, shape, dtype });
}

/** A weight of the model under its checkpoint name; an engine gets its values when the graph is compiled. */
export function parameter(name: string, shape: readonly number[]): Tensor {
  return createTensor({ op: "parameter", inputs: [], attributes: { name }, shape, dtype: "float32" });
}

/**
 * A tensor whose values are known while tracing.
 * @param values - a number (rank 0), or row-major values whose count is the product of `shape`
 */
export function constant(
  values: number | ConstantValues,
  shape: readonly number[] = [],
  dtype: DType = "float32",
): Tensor {
  const data = typeof values === "number" ? arrayFor(dtype, [values]) : values;
  const size = shape.reduce((product, dim) => product * dim, 1);
  if (data.length !== size) {
    throw new ShapeError(`constant: shape ${formatShape(shape)} holds ${size} values, got ${data.length}`);
  }
  return createTensor({ op: "constant", inputs: [], attributes: { values: data }, shape, dtype });
}

/** Row-major storage of a data type. */
export function arrayFor(dtype: DType, values: ArrayLike<number>): ConstantValues {
  if (dtype === "float32") return Float32Array.from(values);
  return dtype === "int32" ? Int32Array.from(values) : Uint8Array.from(values, (value) => (value === 0 ? 0 : 1));
}

/** Name of an input or a parameter. */
export function nameOf(tensor: Tensor): string {
  const { name } = tensor.attributes;
  if (typeof name !== "string") throw new GraphError(`internal: a node of operation "${tensor.op}" has no name`);
  return name;
}

export function valuesOf(tensor: Tensor): ConstantValues {
  const { values } = tensor.attributes;
  if (!ArrayBuffer.isView(values)) throw new GraphError(`internal: a node of operation "${tensor.op}" has no values`);
  return values as ConstantValues;
}

/** @throws DTypeError unless the tensor has one of `allowed` */
export function expectDType(where: string, tensor: Tensor, ...allowed: readonly DType[]): void {
  if (!allowed.includes(tensor.dtype)) {
    throw new DTypeError(
      `${where}: expected ${allowed.join(" or ")}, got ${tensor.dtype} of shape ${formatShape(tensor.shape)}`,
    );
  }
}

/** @throws ShapeError unless the tensor has exactly this shape */
export function expectShape(where: string, tensor: TensorType, shape: readonly (Dim | undefined)[]): void {
  const fits =
    tensor.shape.length === shape.length && shape.every((dim, axis) => dim === undefined || dim === tensor.shape[axis]);
  if (!fits) {
    const wanted = shape.map((dim) => dim ?? "any");
    throw new ShapeError(`${where}: expected shape ${formatShape(wanted)}, got ${formatShape(tensor.shape)}`);
  }
}
