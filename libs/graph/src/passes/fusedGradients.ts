/**
 * @file Gradient rules of fused operations, for training on engines that have kernels for them.
 *
 * Differentiating the formula behind a fused operation would keep every value between its steps and walk through all of
 * them again. These rules need the operation's input and result alone, and fewer passes over memory. They are written with
 * primitive operations, so that an engine fuses what it can in the backward pass as well (fusionTemplates.ts).
 *
 * Dimensions: D the last axis.
 */
import type { Dim } from "../dims.ts";
import type { GradientStep } from "../operation.ts";
import { add, div, mul, sub } from "../operations/arithmetic.ts";
import { sum, sumTo } from "../operations/broadcasting.ts";
import { matMul, matMulOperation } from "../operations/matMul.ts";
import { pack, unpack } from "../operations/packing.ts";
import { mean } from "../operations/reductions.ts";
import { reshape, transpose } from "../operations/reshape.ts";
import { erf, exp, sqrt, square } from "../operations/unary.ts";
import type { Attributes, Tensor } from "../tensor.ts";
import type { FusedOperationName } from "./fusionTemplates.ts";

type GradientRule = (step: GradientStep<Attributes>) => readonly (Tensor | null)[];

const last = { axis: -1, keepDims: true } as const;

/** `ln(2 / sqrt(pi))`: the derivative of erf is `e^(this - u^2)`. */
const LOG_ERF_SLOPE = Math.log(2 / Math.sqrt(Math.PI));

const rules = {
  /** With `u = x / sqrt(2)`: `(1 + erf(u) + u erf'(u)) / 2` */
  gelu({ inputs: [x], gradient }) {
    const u = mul(x!, Math.SQRT1_2);
    const slope = add(add(erf(u), 1), mul(u, exp(sub(LOG_ERF_SLOPE, square(u)))));
    return [mul(mul(gradient, 0.5), slope)];
  },

  /**
   * With `n` the standardized input and `d` the gradient of `n`: `(d - mean(d) - n mean(d n)) / deviation`. What `n` and the
   * deviation share is written twice: each is a fused operation by itself.
   */
  layerNormalization({ inputs: [x, weight, shift], attributes, gradient }) {
    const epsilon = attributes["epsilon"] as number;
    const normal = div(centred(x!), deviation(x!, epsilon));
    const perWeight = mul(gradient, normal);
    const along = mul(normal, weightedMean(perWeight, weight!));
    const across = sub(sub(mul(gradient, weight!), along), weightedMean(gradient, weight!));
    const towardsX = mul(across, div(1, deviation(x!, epsilon)));
    return [towardsX, sumTo(perWeight, weight!.shape), sumTo(gradient, shift!.shape)];
  },

  unpackHeads({ inputs: [x, unpackIndex, packIndex], gradient }) {
    const rows = pack(transpose(gradient, [0, 2, 1, 3]), unpackIndex!, packIndex!);
    return [reshape(rows, x!.shape), null, null];
  },

  packHeads({ inputs: [x, unpackIndex, packIndex], gradient }) {
    const [, N, , H] = x!.shape as readonly [Dim, Dim, Dim, Dim];
    const rows = reshape(gradient, [gradient.shape[0]!, N, H]);
    return [transpose(unpack(rows, unpackIndex!, packIndex!), [0, 2, 1, 3]), null, null];
  },

  /** Masked places have a weight of exactly 0, so nothing flows through them. */
  maskedSoftmax: ({ output, gradient }) => [mul(sub(gradient, sum(mul(gradient, output), last)), output), null],

  scaledProduct({ inputs, output, attributes, gradient }) {
    const { transposeA, transposeB, scale } = attributes as {
      readonly transposeA: boolean;
      readonly transposeB: boolean;
      readonly scale: number;
    };
    const product = { inputs, output, attributes: { transposeA, transposeB }, gradient };
    return matMulOperation.gradient(product).map((each) => each && mul(each, scale));
  },
} satisfies Partial<Record<FusedOperationName, GradientRule>>;

/** Fused operations that can be differentiated. */
export const differentiableFusions: ReadonlySet<FusedOperationName> = new Set(
  Object.keys(rules) as (keyof typeof rules)[],
);

/** The rule of a fused operation; `undefined` for those without, and for all other nodes. */
export function fusedGradient(name: string): { readonly gradient: GradientRule } | undefined {
  return Object.hasOwn(rules, name) ? { gradient: rules[name as keyof typeof rules] } : undefined;
}

/** `mean(x weight)` over the last axis, as a product with one column: one pass, and nothing to keep. */
function weightedMean(x: Tensor, weight: Tensor): Tensor {
  const D = weight.shape[0] as number;
  return mul(matMul(x, reshape(weight, [D, 1])), 1 / D);
}

const centred = (x: Tensor): Tensor => sub(x, mean(x, last));

const deviation = (x: Tensor, epsilon: number): Tensor => sqrt(add(mean(square(centred(x)), last), epsilon));
