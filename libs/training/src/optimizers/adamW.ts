/**
 * @file AdamW as a graph over all parameters of a stage.
 *
 * Loshchilov and Hutter 2019 (arXiv 1711.05101), with torch.optim.AdamW's order: decay first, then the bias-corrected step
 * with epsilon outside of the root. What changes from step to step comes in as scalars, worked out here in float64.
 */
import { add, div, graphOf, input, mul, sqrt, sub, type Graph, type Tensor } from "@stagecoach/graph";

export type AdamWOptions = {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Decoupled: `p -= learningRate * weightDecay * p`, for the parameters that `decays` names. */
  readonly weightDecay: number;
};

/** transformers' defaults, with Google's decay of 0.01. */
export const adamWDefaults: AdamWOptions = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };

/** Biases and norms do not decay, embeddings do: google-research/bert, optimization.py. */
function decays(name: string): boolean {
  return !/(^|\.)bias$|LayerNorm\.|layer_norm\.|(^|\.)norm\./.test(name);
}

export type OptimizedParameter = { readonly name: string; readonly shape: readonly number[] };

/** Names of a parameter's tensors in the update's graph, as inputs and (with `next.`) as outputs. */
export const adamWNames = (name: string) => ({
  value: name,
  gradient: `gradient.${name}`,
  m: `m.${name}`,
  v: `v.${name}`,
});

/**
 * Inputs: per parameter its value, accumulated gradient and moments; the scalars of `adamWScalars`.
 * Outputs: `next.<input>` for value and moments, each of which may be written over its input.
 */
export function adamWGraph(parameters: readonly OptimizedParameter[], { beta1, beta2 }: AdamWOptions): Graph {
  const scalar = (name: keyof AdamWScalars) => input(name, [], "float32");
  const scalars = {
    gradientToM: scalar("gradientToM"),
    gradientToV: scalar("gradientToV"),
    stepSize: scalar("stepSize"),
    epsilon: scalar("epsilon"),
    kept: scalar("kept"),
  };
  const outputs = new Map<string, Tensor>();
  for (const { name, shape } of parameters) {
    const names = adamWNames(name);
    const tensor = (each: string) => input(each, shape, "float32");
    const [value, gradient, m, v] = [names.value, names.gradient, names.m, names.v].map(tensor) as [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
    ];
    const nextM = add(mul(m, beta1), mul(gradient, scalars.gradientToM));
    const nextV = add(mul(v, beta2), mul(mul(gradient, gradient), scalars.gradientToV));
    const change = div(mul(nextM, scalars.stepSize), add(sqrt(nextV), scalars.epsilon));
    outputs.set(`next.${names.m}`, nextM);
    outputs.set(`next.${names.v}`, nextV);
    outputs.set(`next.${names.value}`, sub(decays(name) ? mul(value, scalars.kept) : value, change));
  }
  return graphOf(outputs);
}

export type AdamWScalars = {
  /** `(1 - beta1) * scale` */
  readonly gradientToM: number;
  /** `(1 - beta2) * scale^2` */
  readonly gradientToV: number;
  readonly stepSize: number;
  readonly epsilon: number;
  /** Share of a decaying parameter that stays. */
  readonly kept: number;
};

export type AdamWStep = {
  /** From 1; counts the updates, for bias correction. */
  readonly step: number;
  readonly learningRate: number;
  /** What gradients are multiplied by before anything else: clipping. */
  readonly gradientScale: number;
};

/**
 * `m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)` with the corrections moved into two scalars:
 * `m * stepSize / (sqrt(v) + epsilon)`.
 */
export function adamWScalars(options: AdamWOptions, { step, learningRate, gradientScale }: AdamWStep): AdamWScalars {
  const { beta1, beta2, weightDecay } = options;
  const rootCorrection = Math.sqrt(1 - beta2 ** step);
  return {
    gradientToM: (1 - beta1) * gradientScale,
    gradientToV: (1 - beta2) * gradientScale ** 2,
    stepSize: (learningRate * rootCorrection) / (1 - beta1 ** step),
    epsilon: options.epsilon * rootCorrection,
    kept: 1 - learningRate * weightDecay,
  };
}
