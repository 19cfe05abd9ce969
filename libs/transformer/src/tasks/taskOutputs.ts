/**
 * @file What a task model gives after its last layer when it serves. Training has its losses in taskLosses.ts.
 *
 * Dimensions: T packed tokens, B texts, C classes or choices, M rows to predict, Q questions, V vocabulary.
 */
import { input, type Tensor } from "@stagecoach/graph";
import type { HeadContext } from "./heads/headContext.ts";
import { maskedLm } from "./heads/maskedLm.ts";
import { multipleChoice } from "./heads/multipleChoice.ts";
import { nextSentence } from "./heads/nextSentence.ts";
import { questionAnswering } from "./heads/questionAnswering.ts";
import { sequenceClassification } from "./heads/sequenceClassification.ts";
import { tokenClassification } from "./heads/tokenClassification.ts";

/**
 * What a stage of serving does not give already (stageGraph.ts): `logits` (task.ts has the shapes), `next_sentence_logits` `[B, 2]`, `masked_lm_logits` `[M, V]`.
 *
 * Inputs: `masked_rows` `[M]` for masked-LM; `choice_index` `[Q, C]` for multiple choice, with any number of choices.
 */
export function taskOutputs(context: HeadContext): Record<string, Tensor> {
  const { task } = context.model;
  switch (task.name) {
    case "sequence-classification":
      return { logits: sequenceClassification(context, task.numLabels) };
    case "token-classification":
      return { logits: tokenClassification(context, task.numLabels) };
    case "question-answering":
      return { logits: questionAnswering(context) };
    case "multiple-choice":
      return { logits: multipleChoice(context, input("choice_index", ["Q", "C"], "int32")) };
    case "masked-lm":
      return { masked_lm_logits: predictedTokens(context) };
    case "next-sentence":
      return { next_sentence_logits: nextSentence(context) };
    case "sentence-embedding":
      return {};
    case "pretraining":
      break;
  }
  return { masked_lm_logits: predictedTokens(context), next_sentence_logits: nextSentence(context) };
}

const predictedTokens = (context: HeadContext) => maskedLm(context, input("masked_rows", ["M"], "int32"));
