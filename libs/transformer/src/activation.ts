/**
 * @file Activations under Hugging Face's names.
 *
 * `gelu` is the exact one (Hendrycks and Gimpel 2016, arXiv 1606.08415, with erf); `gelu_new`, `gelu_pytorch_tanh` and
 * `gelu_fast` are its approximation by tanh, which differs from it by up to 5e-4.
 */
import { add, erf, mul, relu, sigmoid, square, tanh, type Tensor } from "@stagecoach/graph";

export const activationNames = [
  "gelu",
  "gelu_new",
  "gelu_pytorch_tanh",
  "gelu_fast",
  "relu",
  "silu",
  "swish",
  "tanh",
] as const;
export type ActivationName = (typeof activationNames)[number];

/** `x/2 (1 + erf(x / sqrt(2)))` */
export function gelu(x: Tensor): Tensor {
  return mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1));
}

/** `x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))` */
export function geluTanh(x: Tensor): Tensor {
  const inner = mul(add(x, mul(mul(square(x), x), 0.044715)), Math.sqrt(2 / Math.PI));
  return mul(mul(x, 0.5), add(tanh(inner), 1));
}

/** `x sigmoid(x)` */
export function silu(x: Tensor): Tensor {
  return mul(x, sigmoid(x));
}

export const activations: Readonly<Record<ActivationName, (x: Tensor) => Tensor>> = {
  gelu,
  gelu_new: geluTanh,
  gelu_pytorch_tanh: geluTanh,
  gelu_fast: geluTanh,
  relu,
  silu,
  swish: silu,
  tanh,
};
