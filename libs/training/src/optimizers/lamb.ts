/**
 * @file LAMB, AdamW for large batches: You et al. 2020 (arXiv 1904.00962), as NVIDIA's FusedLAMB and timm's Lamb compute it.
 *
 * A parameter's step is its Adam direction plus decay, scaled to the parameter's own length: `learningRate * |p| / |r| * r`. Those that do
 * not decay (biases and norms) are not scaled either, as in the authors' code.
 */
import { add, div, greater, mul, sqrt, sub, sum, where, type Tensor } from "@stagecoach/graph";
import type { UpdateRule } from "./optimizer.ts";

export const lamb: UpdateRule = {
  next(value, direction, { decays, options, scalar }) {
    if (!decays || options.weightDecay === 0) return sub(value, mul(direction, scalar("learningRate")));
    const change = add(direction, mul(value, options.weightDecay));
    const [own, its] = [norm(value), norm(change)];
    const trust = where(greater(own, 0), where(greater(its, 0), div(own, its), 1), 1);
    return sub(value, mul(change, mul(trust, scalar("learningRate"))));
  },
  scalars: (_, { learningRate }) => ({ stepSize: 1, learningRate }),
};

/** Euclidean, `[]`. */
function norm(x: Tensor): Tensor {
  return sqrt(sum(mul(x, x)));
}
