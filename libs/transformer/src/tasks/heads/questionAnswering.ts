/** @file Extractive question answering: `qa_outputs` says of every token how well an answer starts and ends there. */
import type { Tensor } from "@stagecoach/graph";
import { dropout as dropped } from "../../dropout.ts";
import { linear } from "../../linear.ts";
import { linearParameters } from "../../parameters.ts";
import { taskFamilyOf } from "../taskFamilies.ts";
import type { HeadContext } from "./headContext.ts";

/** @returns `[T, 2]`: start, end */
export function questionAnswering({ model, hidden_TD, dropout }: HeadContext): Tensor {
  const { hasQuestionAnsweringDropout } = taskFamilyOf(model.family);
  const tokens_TD = hasQuestionAnsweringDropout ? dropped(hidden_TD, dropout.classifier("T")) : hidden_TD;
  return linear(tokens_TD, linearParameters("qa_outputs", model.config.hiddenSize, 2));
}
