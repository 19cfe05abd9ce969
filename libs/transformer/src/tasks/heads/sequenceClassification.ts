/**
 * @file Classification of texts: single label, multi-label and regression have the same logits.
 *
 * Dimensions: B texts, C classes, D hidden size.
 */
import { gatherRows, tanh, type Tensor } from "@stagecoach/graph";
import { dropout as dropped } from "../../dropout.ts";
import { linear } from "../../linear.ts";
import { linearParameters } from "../../parameters.ts";
import { taskFamilyOf } from "../taskFamilies.ts";
import type { HeadContext } from "./headContext.ts";
import { pooledTexts } from "./pooledTexts.ts";
import { preClassifier } from "./preClassifier.ts";

/** @returns `[B, C]` */
export function sequenceClassification(context: HeadContext, numLabels: number): Tensor {
  const { model, dropout } = context;
  const { hiddenSize: D } = model.config;
  const { classification } = taskFamilyOf(model.family);
  if (classification === "classification-head") return classificationHead(context, numLabels);
  const texts_BD = classification === "pooler" ? pooledTexts(context) : preClassifier(context);
  return linear(dropped(texts_BD, dropout.classifier("B")), linearParameters("classifier", D, numLabels));
}

/** `out_proj(tanh(dense(first token)))`, with dropout before both: transformers' RobertaClassificationHead. */
function classificationHead({ model, hidden_TD, packing, dropout }: HeadContext, numLabels: number): Tensor {
  const { hiddenSize: D } = model.config;
  const first_BD = dropped(gatherRows(hidden_TD, packing.firstIndex_B), dropout.classifier("B"));
  const dense_BD = tanh(linear(first_BD, linearParameters("classifier.dense", D, D)));
  return linear(dropped(dense_BD, dropout.classifierOutput()), linearParameters("classifier.out_proj", D, numLabels));
}
