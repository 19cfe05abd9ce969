/**
 * @file An optimizer's update as a graph over all parameters of a stage. What changes from step to step comes in as scalars, worked out
 * in float64.
 *
 * All have two moments of each parameter, as Adam: m of the gradient, v of its square, with the corrections for their start moved into
 * scalars: `m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)` is `m * stepSize / (sqrt(v) + epsilon)`.
 */
import { add, div, graphOf, input, mul, sqrt, type Graph, type Tensor } from "@stagecoach/graph";
import { adamW } from "./adamW.ts";
import { lamb } from "./lamb.ts";

export const optimizerNames = ["adamw", "lamb"] as const;
export type OptimizerName = (typeof optimizerNames)[number];

export type OptimizerOptions = {
  readonly name: OptimizerName;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Of the parameters that `decays` names. */
  readonly weightDecay: number;
};

/** transformers' defaults, with Google's decay of 0.01. */
export const adamWDefaults: OptimizerOptions = {
  name: "adamw",
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.01,
};

export type OptimizedParameter = { readonly name: string; readonly shape: readonly number[] };

export type OptimizerStep = {
  /** From 1; counts the updates, for bias correction. */
  readonly step: number;
  readonly learningRate: number;
  /** What gradients are multiplied by before anything else: clipping. */
  readonly gradientScale: number;
};

/** How an optimizer goes from a parameter and its moments to the next value. */
export type UpdateRule = {
  /** @param direction - `m * stepSize / (sqrt(v) + epsilon)` */
  readonly next: (value: Tensor, direction: Tensor, given: RuleInputs) => Tensor;
  /** Scalars of its own; `stepSize` is multiplied by that one. */
  readonly scalars: (
    options: OptimizerOptions,
    step: OptimizerStep,
  ) => Readonly<Record<string, number>> & { readonly stepSize: number };
};

export type RuleInputs = {
  readonly decays: boolean;
  readonly options: OptimizerOptions;
  /** An input of the graph, by the name that `scalars` gives it. */
  readonly scalar: (name: string) => Tensor;
};

const rules: Readonly<Record<OptimizerName, UpdateRule>> = { adamw: adamW, lamb };

/** Biases and norms do not decay, embeddings do: google-research/bert, optimization.py. */
function decays(name: string): boolean {
  return !/(^|\.)bias$|LayerNorm\.|layer_norm\.|(^|\.)norm\./.test(name);
}

/** Names of a parameter's tensors in the update's graph, as inputs and (with `next.`) as outputs. */
export const optimizerTensors = (name: string) => ({
  value: name,
  gradient: `gradient.${name}`,
  m: `m.${name}`,
  v: `v.${name}`,
});

/**
 * Inputs: per parameter its value, accumulated gradient and moments; the scalars of `updateScalars`.
 * Outputs: `next.<input>` for value and moments, each of which may be written over its input.
 */
export function updateGraph(parameters: readonly OptimizedParameter[], options: OptimizerOptions): Graph {
  const scalars = new Map<string, Tensor>();
  const scalar = (name: string): Tensor => {
    const tensor = scalars.get(name) ?? input(name, [], "float32");
    scalars.set(name, tensor);
    return tensor;
  };
  const outputs = new Map<string, Tensor>();
  for (const { name, shape } of parameters) {
    const names = optimizerTensors(name);
    const tensor = (each: string) => input(each, shape, "float32");
    const [value, gradient] = [tensor(names.value), tensor(names.gradient)];
    const nextM = add(mul(tensor(names.m), options.beta1), mul(gradient, scalar("gradientToM")));
    const nextV = add(mul(tensor(names.v), options.beta2), mul(mul(gradient, gradient), scalar("gradientToV")));
    const direction = div(mul(nextM, scalar("stepSize")), add(sqrt(nextV), scalar("epsilon")));
    const given = { decays: decays(name), options, scalar };
    outputs.set(`next.${names.m}`, nextM);
    outputs.set(`next.${names.v}`, nextV);
    outputs.set(`next.${names.value}`, rules[options.name].next(value, direction, given));
  }
  return graphOf(outputs);
}

/** The graph's scalars in one step. */
export function updateScalars(options: OptimizerOptions, step: OptimizerStep): Readonly<Record<string, number>> {
  const { beta1, beta2, epsilon } = options;
  const rootCorrection = Math.sqrt(1 - beta2 ** step.step);
  const own = rules[options.name].scalars(options, step);
  return {
    ...own,
    gradientToM: (1 - beta1) * step.gradientScale,
    gradientToV: (1 - beta2) * step.gradientScale ** 2,
    stepSize: (own.stepSize * rootCorrection) / (1 - beta1 ** step.step),
    epsilon: epsilon * rootCorrection,
  };
}
