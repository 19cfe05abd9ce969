/** @file Which reader makes the examples of which task. */
import type { TaskName } from "@stagecoach/transformer";
import type { RowFields } from "../rowFields.ts";
import { maskedLmReader } from "./maskedLm.ts";
import { multipleChoiceReader } from "./multipleChoice.ts";
import { nextSentenceReader, pretrainingReader } from "./pretraining.ts";
import { questionAnsweringReader } from "./questionAnswering.ts";
import { sentenceEmbeddingReader } from "./sentenceEmbedding.ts";
import { sequenceClassificationReader } from "./sequenceClassification.ts";
import type { TaskReader, TaskReaderOptions } from "./taskReader.ts";
import { tokenClassificationReader } from "./tokenClassification.ts";

export const taskReaders: Readonly<Record<TaskName, (fields: RowFields, options: TaskReaderOptions) => TaskReader>> = {
  "sequence-classification": sequenceClassificationReader,
  "token-classification": tokenClassificationReader,
  "question-answering": questionAnsweringReader,
  "multiple-choice": multipleChoiceReader,
  "masked-lm": maskedLmReader,
  "next-sentence": nextSentenceReader,
  pretraining: pretrainingReader,
  "sentence-embedding": sentenceEmbeddingReader,
};
