/** @file Classification of tokens: dropout and `classifier` on every row. */
import type { Tensor } from "@stagecoach/graph";
import { dropout as dropped } from "../../dropout.ts";
import { linear } from "../../linear.ts";
import { linearParameters } from "../../parameters.ts";
import type { HeadContext } from "./headContext.ts";

/** @returns `[T, C]` */
export function tokenClassification({ model, hidden_TD, dropout }: HeadContext, numLabels: number): Tensor {
  const classifier = linearParameters("classifier", model.config.hiddenSize, numLabels);
  return linear(dropped(hidden_TD, dropout.classifier("T")), classifier);
}
