/**
 * @file AdamW: Loshchilov and Hutter 2019 (arXiv 1711.05101), with torch.optim.AdamW's order: decay first, then the bias-corrected step
 * with epsilon outside of the root.
 */
import { mul, sub } from "@stagecoach/graph";
import type { UpdateRule } from "./optimizer.ts";

export const adamW: UpdateRule = {
  next: (value, direction, { decays, scalar }) => sub(decays ? mul(value, scalar("kept")) : value, direction),
  scalars: ({ weightDecay }, { learningRate }) => ({
    stepSize: learningRate,
    /** Share of a decaying parameter that stays: the decay is decoupled from the gradient. */
    kept: 1 - learningRate * weightDecay,
  }),
};
