/** @file The pooler as part of a head: `pooler.dense`, which a checkpoint of the base model may have already. */
import type { Tensor } from "@stagecoach/graph";
import { linearParameters } from "../../parameters.ts";
import { pooler } from "../../pooler.ts";
import type { HeadContext } from "./headContext.ts";

/** @returns `[B, D]` */
export function pooledTexts({ model, hidden_TD, packing }: HeadContext): Tensor {
  const { family, config } = model;
  if (family.poolerName === null) throw new Error(`internal: a model of type "${config.modelType}" has no pooler`);
  return pooler(hidden_TD, linearParameters(family.poolerName, config.hiddenSize, config.hiddenSize), packing);
}
