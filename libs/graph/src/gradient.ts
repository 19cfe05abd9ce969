/**
 * @file Reverse-mode differentiation as a pass over recorded tensors.
 *
 * Walks from the outputs to the inputs once, applies each operation's gradient rule, and adds up where a tensor is used
 * more than once, in the order of use from last to first, so that the sum does not depend on how a model is split.
 * Follows the vector-Jacobian products of Griewank and Walther, Evaluating Derivatives (2008), chapter 3.
 */
import { formatShape, sameShape } from "./dims.ts";
import { GradientError, ShapeError } from "./errors.ts";
import { reachable } from "./graph.ts";
import { operationOf } from "./operations/registry.ts";
import { add } from "./operations/arithmetic.ts";
import { fusedGradient } from "./passes/fusedGradients.ts";
import { constant, type Tensor } from "./tensor.ts";

/** An output together with the gradient of the loss with respect to it. */
export type OutputGradient = { readonly output: Tensor; readonly gradient: Tensor };

/**
 * Gradients of a scalar loss.
 *
 * @param loss - float32 of rank 0
 * @param sources - the tensors to differentiate by, usually parameters
 * @returns one gradient per source, of the source's shape; `null` where the loss does not depend on it
 */
export function gradients(loss: Tensor, sources: readonly Tensor[]): (Tensor | null)[] {
  if (loss.shape.length !== 0) {
    throw new GradientError(
      `gradients: expected a loss of rank 0, got shape ${formatShape(loss.shape)} (take its sum or mean first)`,
    );
  }
  return backpropagate([{ output: loss, gradient: constant(1) }], sources);
}

/**
 * Vector-Jacobian products: what a pipeline stage computes in its backward pass, from the gradients that the next stage sends.
 *
 * @throws GradientError when an output is not float32; ShapeError when a gradient has another shape than its output
 */
export function backpropagate(outputs: readonly OutputGradient[], sources: readonly Tensor[]): (Tensor | null)[] {
  const nodes = reachable(outputs.map(({ output }) => output));
  const needed = dependsOn(nodes, new Set(sources));
  const collected = new Map<Tensor, Tensor>();
  const collect = (node: Tensor, gradient: Tensor) => {
    const sofar = collected.get(node);
    collected.set(node, sofar === undefined ? gradient : add(sofar, gradient));
  };

  for (const { output, gradient } of outputs) {
    if (output.dtype !== "float32")
      throw new GradientError(`backpropagate: expected a float32 output, got ${output.dtype}`);
    if (!sameShape(output.shape, gradient.shape)) {
      throw new ShapeError(
        `backpropagate: expected a gradient of shape ${formatShape(output.shape)}, got ${formatShape(gradient.shape)}`,
      );
    }
    collect(output, gradient);
  }
  for (const node of nodes.toReversed()) {
    const gradient = collected.get(node);
    const operation = operationOf(node.op) ?? fusedGradient(node.op);
    if (gradient === undefined || !needed.has(node) || operation === undefined) continue;
    const towards = operation.gradient({ inputs: node.inputs, output: node, attributes: node.attributes, gradient });
    node.inputs.forEach((each, position) => {
      const part = towards[position];
      if (part && needed.has(each)) collect(each, part);
    });
  }
  return sources.map((source) => collected.get(source) ?? null);
}

/** Nodes whose value depends on one of `sources`, the sources included: only these need a gradient. */
function dependsOn(nodes: readonly Tensor[], sources: ReadonlySet<Tensor>): ReadonlySet<Tensor> {
  const result = new Set<Tensor>();
  for (const node of nodes) {
    if (sources.has(node) || node.inputs.some((each) => result.has(each))) result.add(node);
  }
  return result;
}
