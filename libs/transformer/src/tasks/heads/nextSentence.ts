/** @file BERT's next-sentence prediction: the pooler and `cls.seq_relationship`, without dropout. 0: B follows A, 1: B is random. */
import type { Tensor } from "@stagecoach/graph";
import { linear } from "../../linear.ts";
import { linearParameters } from "../../parameters.ts";
import type { HeadContext } from "./headContext.ts";
import { pooledTexts } from "./pooledTexts.ts";

/** @returns `[B, 2]` */
export function nextSentence(context: HeadContext): Tensor {
  return linear(pooledTexts(context), linearParameters("cls.seq_relationship", context.model.config.hiddenSize, 2));
}
