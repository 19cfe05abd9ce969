/** @file Errors of the graph library. */

/** Shapes or axes that do not fit together. The message names the operation, what was expected and what came. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";
  readonly code = "shape_mismatch";
}

/** A tensor of one data type where another was expected. */
export class DTypeError extends Error {
  override readonly name = "DTypeError";
  readonly code = "dtype_mismatch";
}

/** A graph that is not well formed: two inputs of one name, a symbol that no input binds, an output that is no tensor. */
export class GraphError extends Error {
  override readonly name = "GraphError";
  readonly code = "invalid_graph";
}

/** Differentiation was asked for where there is none: through an integer, or from an output that is not the loss. */
export class GradientError extends Error {
  override readonly name = "GradientError";
  readonly code = "no_gradient";
}
