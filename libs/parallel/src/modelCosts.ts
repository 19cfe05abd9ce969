/**
 * @file Modelled cost of a model's parts, for a plan made before anything was measured.
 *
 * Counts multiplications and additions of the matrix products, and memory passes at the price of the operations that a core
 * does in the same time. Only ratios matter.
 *
 * Dimensions: D hidden size, F feed-forward size, L text length.
 */
import { graphParameters, type EncoderModel } from "@stagecoach/transformer";
import type { ModelCosts } from "./planStages.ts";

/** Text length at which attention is priced when nothing is known about the traffic. */
export const TYPICAL_LENGTH = 64;

/** Operations that a core does while it streams one float32 through memory; measured at 20 to 40, precise enough for parts this small. */
const OPERATIONS_PER_PASS = 30;

/** Operations per token. */
export function modelCosts({ config, modules }: EncoderModel, typicalLength = TYPICAL_LENGTH): ModelCosts {
  const { hiddenSize: D, intermediateSize: F, numLayers } = config;
  const products = 2 * (4 * D * D + 2 * D * F);
  const attention = 4 * typicalLength * D;
  const passes = OPERATIONS_PER_PASS * (10 * D + 2 * F);
  const dense = modules.transforms.reduce(
    (total, each) => total + (each === "normalize" ? 0 : 2 * each.inputSize * each.outputSize),
    0,
  );
  return {
    embeddings: OPERATIONS_PER_PASS * 8 * D,
    layers: Array.from({ length: numLayers }, () => products + attention + passes),
    head: OPERATIONS_PER_PASS * 2 * D + dense / typicalLength,
  };
}

/** Size of the float32 weights of a range of layers, in bytes. */
export function parameterBytes(model: EncoderModel, range: { readonly start: number; readonly end: number }): number {
  return graphParameters(model, range).reduce(
    (total, { shape }) => total + 4 * shape.reduce((size, dim) => size * dim, 1),
    0,
  );
}
