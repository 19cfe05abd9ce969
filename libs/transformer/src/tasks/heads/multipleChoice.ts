/**
 * @file Multiple choice: every choice is a text of its own and gets one score; a question's choices compete.
 *
 * Dimensions: B texts, Q questions, C choices of a question, D hidden size.
 */
import { gatherRows, reshape, type Tensor } from "@stagecoach/graph";
import { dropout as dropped } from "../../dropout.ts";
import { linear } from "../../linear.ts";
import { linearParameters } from "../../parameters.ts";
import { taskFamilyOf } from "../taskFamilies.ts";
import type { HeadContext } from "./headContext.ts";
import { pooledTexts } from "./pooledTexts.ts";
import { preClassifier } from "./preClassifier.ts";

/**
 * @param choiceIndex_QC - texts of each question
 * @returns `[Q, C]`
 */
export function multipleChoice(context: HeadContext, choiceIndex_QC: Tensor): Tensor {
  const { model, dropout } = context;
  const style = taskFamilyOf(model.family).multipleChoice;
  const texts_BD = style === "pooler" ? pooledTexts(context) : preClassifier(context);
  const classifier = linearParameters("classifier", model.config.hiddenSize, 1);
  const scores_B1 = linear(dropped(texts_BD, dropout.classifier("B")), classifier);
  return gatherRows(reshape(scores_B1, [scores_B1.shape[0]!]), choiceIndex_QC);
}
