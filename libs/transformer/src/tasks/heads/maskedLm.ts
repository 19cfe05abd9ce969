/**
 * @file The masked-LM head: dense, activation, layer norm, and the word embeddings as decoder with a bias of its own.
 *
 * It is computed for the masked rows only: with 15 percent of the tokens masked that is a seventh of the work of its
 * largest product. The decoder's weight is a parameter of its own, whose values are the word embeddings; whoever trains
 * keeps the two equal.
 *
 * Dimensions: T packed tokens, M masked rows, D hidden size, V vocabulary.
 */
import { add, gatherRows, matMul, parameter, type Tensor } from "@stagecoach/graph";
import { activations } from "../../activation.ts";
import { layerNorm } from "../../layerNorm.ts";
import { linear } from "../../linear.ts";
import { linearParameters, normParameters } from "../../parameters.ts";
import { taskFamilyOf } from "../taskFamilies.ts";
import type { HeadContext } from "./headContext.ts";

/**
 * @param maskedRows_M - packed rows to predict
 * @returns `[M, V]`
 */
export function maskedLm({ model, hidden_TD }: HeadContext, maskedRows_M: Tensor): Tensor {
  const { config, family } = model;
  const { hiddenSize: D, vocabSize: V, layerNormEpsilon } = config;
  const { maskedLm: names, maskedLmActivation } = taskFamilyOf(family);
  const dense_MD = linear(gatherRows(hidden_TD, maskedRows_M), linearParameters(names.dense, D, D));
  const activated_MD = activations[maskedLmActivation(config)](dense_MD);
  const normed_MD = layerNorm(activated_MD, normParameters(names.norm, D), layerNormEpsilon);
  return add(matMul(normed_MD, parameter(names.decoder, [V, D]), { transposeB: true }), parameter(names.bias, [V]));
}
