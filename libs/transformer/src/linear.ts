/** @file Linear layer, with its weight as PyTorch keeps it. */
import { add, expectShape, matMul, type Tensor } from "@stagecoach/graph";

/** `weight_OI` is `[outputs, inputs]`. */
export type LinearParameters = { readonly weight_OI: Tensor; readonly bias_O: Tensor };

/**
 * `x weight^T + bias`, as torch.nn.Linear.
 * @param x_TI - `[T, inputs]`
 * @returns `[T, outputs]`
 */
export function linear(x_TI: Tensor, { weight_OI, bias_O }: LinearParameters): Tensor {
  expectShape("linear: bias", bias_O, [weight_OI.shape[0]]);
  return add(matMul(x_TI, weight_OI, { transposeB: true }), bias_O);
}
