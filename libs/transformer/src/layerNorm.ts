/**
 * @file Layer normalization as a traced function: one graph, any engine.
 *
 * Follows Ba et al. 2016 (arXiv 1607.06450) and torch.nn.LayerNorm.
 * The residual is added by residualLayerNorm.ts, so that each step can be compared with the reference.
 *
 * Dimensions: T packed tokens, D hidden size.
 */
import { add, div, expectShape, mean, mul, sqrt, square, sub, type Tensor } from "@stagecoach/graph";

/** Checkpoint `LayerNorm.weight` and `LayerNorm.bias`: gamma and beta in the paper. */
export type NormParameters = { readonly weight_D: Tensor; readonly bias_D: Tensor };

/**
 * `(x - mean) / sqrt(variance + epsilon) * weight + bias` over the last dimension; the variance is the biased one (divided by D).
 *
 * @param x_TD - activations
 * @param epsilon - from `layer_norm_eps`: 1e-12 for BERT, 1e-5 for RoBERTa, hence no default
 * @returns shape of `x_TD`
 * @throws ShapeError when a parameter is not of length D
 */
export function layerNorm(x_TD: Tensor, { weight_D, bias_D }: NormParameters, epsilon: number): Tensor {
  const D = x_TD.shape.at(-1);
  expectShape("layerNorm: weight", weight_D, [D]);
  expectShape("layerNorm: bias", bias_D, [D]);
  const overD = { axis: -1, keepDims: true };
  const centred_TD = sub(x_TD, mean(x_TD, overD));
  const deviation_T1 = sqrt(add(mean(square(centred_TD), overD), epsilon));
  return add(mul(div(centred_TD, deviation_T1), weight_D), bias_D);
}
