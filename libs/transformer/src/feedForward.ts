/** @file Position-wise feed-forward network: Vaswani et al. 2017, section 3.3, with BERT's activation. */
import type { Tensor } from "@stagecoach/graph";
import { activations, type ActivationName } from "./activation.ts";
import { linear, type LinearParameters } from "./linear.ts";

/** `up`: D to F (`intermediate.dense`); `down`: F to D (`output.dense`). */
export type FeedForwardParameters = { readonly up: LinearParameters; readonly down: LinearParameters };

/** `down(activation(up(x)))` for each token by itself. */
export function feedForward(x_TD: Tensor, { up, down }: FeedForwardParameters, activation: ActivationName): Tensor {
  return linear(activations[activation](linear(x_TD, up)), down);
}
