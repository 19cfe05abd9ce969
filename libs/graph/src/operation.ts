/**
 * @file What an operation is: a shape rule and a gradient rule, in one place, and nothing else.
 *
 * How an operation is computed is an engine's affair (libs/engine). Gradient rules are written with operations, so a
 * backward pass is a graph like any other (gradient.ts) and can be differentiated again.
 */
import { createTensor, type Attributes, type Tensor, type TensorType } from "./tensor.ts";

/** What a gradient rule is given. */
export type GradientStep<A extends Attributes> = {
  readonly inputs: readonly Tensor[];
  readonly output: Tensor;
  readonly attributes: A;
  /** Gradient of the loss with respect to `output`; of its shape. */
  readonly gradient: Tensor;
};

export type Operation<A extends Attributes = Attributes> = {
  readonly name: string;
  /**
   * Shape rule.
   * @throws ShapeError, DTypeError when the inputs do not fit
   */
  infer(inputs: readonly Tensor[], attributes: A): TensorType;
  /** Gradient rule: one gradient per input, of that input's shape; `null` where the output does not depend on it smoothly. */
  gradient(step: GradientStep<A>): readonly (Tensor | null)[];
};

/** Add a node to the graph that is being traced. */
export function record<A extends Attributes>(
  operation: Operation<A>,
  inputs: readonly Tensor[],
  attributes: A,
): Tensor {
  return createTensor({ op: operation.name, inputs, attributes, ...operation.infer(inputs, attributes) });
}
