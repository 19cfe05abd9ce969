/** @file DistilBERT's way from the first token to what the classifier reads: `pre_classifier` and relu. */
import { gatherRows, relu, type Tensor } from "@stagecoach/graph";
import { linear } from "../../linear.ts";
import { linearParameters } from "../../parameters.ts";
import type { HeadContext } from "./headContext.ts";

/** @returns `[B, D]` */
export function preClassifier({ model, hidden_TD, packing }: HeadContext): Tensor {
  const { hiddenSize: D } = model.config;
  return relu(linear(gatherRows(hidden_TD, packing.firstIndex_B), linearParameters("pre_classifier", D, D)));
}
