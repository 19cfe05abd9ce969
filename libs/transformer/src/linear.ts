/** @file Linear layer, with its weight as PyTorch keeps it. */
import { add, expectShape, matMul, mul, type Tensor } from "@stagecoach/graph";
import { dropout } from "./dropout.ts";

/** What a low-rank adapter adds (lora.ts): `scale (x a^T) b^T`, in training with x dropped by the mask. */
export type LinearAdapter = {
  readonly a_RI: Tensor;
  readonly b_OR: Tensor;
  readonly scale: number;
  readonly mask_TI?: Tensor | undefined;
};

/** `weight_OI` is `[outputs, inputs]`. */
export type LinearParameters = {
  readonly weight_OI: Tensor;
  readonly bias_O: Tensor;
  readonly adapter?: LinearAdapter | undefined;
};

/**
 * `x weight^T + bias`, as torch.nn.Linear, and what its adapter adds.
 * @param x_TI - `[T, inputs]`
 * @returns `[T, outputs]`
 */
export function linear(x_TI: Tensor, { weight_OI, bias_O, adapter }: LinearParameters): Tensor {
  expectShape("linear: bias", bias_O, [weight_OI.shape[0]]);
  const own_TO = add(matMul(x_TI, weight_OI, { transposeB: true }), bias_O);
  if (adapter === undefined) return own_TO;
  const low_TR = matMul(dropout(x_TI, adapter.mask_TI), adapter.a_RI, { transposeB: true });
  return add(own_TO, mul(matMul(low_TR, adapter.b_OR, { transposeB: true }), adapter.scale));
}
