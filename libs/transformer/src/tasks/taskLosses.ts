/**
 * @file What a task model gives after its last layer when it trains: the terms of its loss, and the outputs that an
 * evaluation reads.
 *
 * A loss is a plain sum here. What it is divided by is known to the whole step only, so it comes in as a scale
 * (trainingStageGraph.ts), and a label that is no class, such as transformers' -100, adds 0.
 *
 * Dimensions: T packed tokens, B texts, C classes or choices, M labelled rows, Q questions, V vocabulary.
 */
import { cast, gatherRows, greaterEqual, input, max, mul, oneHot, sum, type Dim, type Tensor } from "@stagecoach/graph";
import type { HeadContext } from "./heads/headContext.ts";
import { maskedLm } from "./heads/maskedLm.ts";
import { multipleChoice } from "./heads/multipleChoice.ts";
import { nextSentence } from "./heads/nextSentence.ts";
import { questionAnswering } from "./heads/questionAnswering.ts";
import { sentenceEmbedding, trainedModules } from "./heads/sentenceEmbedding.ts";
import { sequenceClassification } from "./heads/sequenceClassification.ts";
import { tokenClassification } from "./heads/tokenClassification.ts";
import { binaryCrossEntropy } from "./losses/binaryCrossEntropy.ts";
import { crossEntropy } from "./losses/crossEntropy.ts";
import { distillationLoss, labelDistillationLoss } from "./losses/distillationLoss.ts";
import { embeddingLoss } from "./losses/embeddingLoss.ts";
import { spanLoss } from "./losses/spanLoss.ts";
import { squaredError } from "./losses/squaredError.ts";
import { comparesWholeStep, type Task } from "./task.ts";

export type TaskLosses = {
  /** By loss part (task.ts): the terms whose sum, times `scale.<part>`, is that part of the loss. null: the loss is the whole step's. */
  readonly terms: Readonly<Record<string, Tensor>> | null;
  /** The task's outputs besides the loss (task.ts). */
  readonly outputs: Readonly<Record<string, Tensor>>;
};

type PartLosses = TaskLosses & { readonly terms: Readonly<Record<string, Tensor>> };

/** Inputs: the targets of task.ts. */
export function taskLosses(context: HeadContext): TaskLosses {
  const { task } = context.model;
  switch (task.name) {
    case "sequence-classification": {
      const logits = sequenceClassification(context, task.numLabels);
      return {
        terms: withTeacher(textLoss(logits, task), task, { logits_RC: logits, rows: "B" }),
        outputs: { logits },
      };
    }
    case "token-classification": {
      const logits = tokenClassification(context, task.numLabels);
      const labelled_MC = gatherRows(logits, ids("label_rows", "M"));
      const labels = crossEntropy(labelled_MC, ids("labels", "M"), task);
      return { terms: withTeacher(labels, task, { logits_RC: labelled_MC, rows: "M" }), outputs: { logits } };
    }
    case "question-answering": {
      const logits = questionAnswering(context);
      const span = { start_B: ids("start_positions", "B"), end_B: ids("end_positions", "B") };
      return { terms: { positions: spanLoss(logits, span, context.packing) }, outputs: { logits } };
    }
    case "multiple-choice": {
      const logits = multipleChoice(context, ids("choice_index", "Q", task.numChoices));
      return { terms: { labels: crossEntropy(logits, ids("labels", "Q")) }, outputs: { logits } };
    }
    case "masked-lm":
      return maskedLmLosses(context);
    case "next-sentence":
      return nextSentenceLosses(context);
    case "sentence-embedding": {
      const modules = trainedModules(context.model, task);
      const embeddings = sentenceEmbedding(modules, context.hidden_TD, context.packing);
      return { terms: comparesWholeStep(task) ? null : embeddingLoss(embeddings, task), outputs: { embeddings } };
    }
    case "pretraining":
      break;
  }
  const [tokens, sentences] = [maskedLmLosses(context), nextSentenceLosses(context)];
  return {
    terms: { ...tokens.terms, ...sentences.terms },
    outputs: { ...tokens.outputs, ...sentences.outputs },
  };
}

type Classification = Extract<Task, { readonly name: "sequence-classification" }>;
type Taught = Classification | Extract<Task, { readonly name: "token-classification" }>;

/** The labels' terms, and a teacher's beside them where the task has one. @param student.rows - what the logits have a row of */
function withTeacher(
  labels: Tensor,
  task: Taught,
  { logits_RC, rows }: { readonly logits_RC: Tensor; readonly rows: "B" | "M" },
): PartLosses["terms"] {
  if (task.distillation === undefined) return { labels };
  const { temperature, alpha } = task.distillation;
  const isMultiLabel = "problemType" in task && task.problemType === "multi_label_classification";
  const compare = isMultiLabel ? labelDistillationLoss : distillationLoss;
  const teacher = compare(logits_RC, input("teacher_logits", [rows, task.numLabels], "float32"), temperature);
  return { labels: mul(labels, 1 - alpha), teacher: mul(teacher, alpha) };
}

function textLoss(logits_BC: Tensor, task: Classification): Tensor {
  const { problemType, numLabels: C } = task;
  if (problemType === "single_label_classification") return crossEntropy(logits_BC, ids("labels", "B"), task);
  const labels_BC = input("labels", ["B", C], "float32");
  return problemType === "regression" ? squaredError(logits_BC, labels_BC) : binaryCrossEntropy(logits_BC, labels_BC);
}

function maskedLmLosses(context: HeadContext): PartLosses {
  const logits_MV = maskedLm(context, ids("masked_rows", "M"));
  const labels_M = ids("masked_labels", "M");
  const masked_lm_loss = crossEntropy(logits_MV, labels_M);
  return {
    terms: { masked_lm: masked_lm_loss },
    outputs: { masked_lm_loss, masked_lm_correct: isLargest(logits_MV, labels_M) },
  };
}

/** 1 where no logit is larger than the label's, 0 elsewhere, and for labels that are no class. */
function isLargest(logits_MV: Tensor, labels_M: Tensor): Tensor {
  const labelled_M = sum(mul(logits_MV, oneHot(labels_M, logits_MV.shape.at(-1) as number)), { axis: -1 });
  const isLargest_M = cast(greaterEqual(labelled_M, max(logits_MV, { axis: -1 })), "float32");
  return mul(isLargest_M, cast(greaterEqual(labels_M, 0), "float32"));
}

function nextSentenceLosses(context: HeadContext): PartLosses {
  const next_sentence_logits = nextSentence(context);
  return {
    terms: { next_sentence: crossEntropy(next_sentence_logits, ids("next_sentence_labels", "B")) },
    outputs: { next_sentence_logits },
  };
}

const ids = (name: string, ...shape: readonly Dim[]): Tensor => input(name, shape, "int32");
