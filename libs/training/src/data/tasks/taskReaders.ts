/** @file Which reader makes the examples of which task. */
import type { TaskName } from "@stagecoach/transformer";
import type { RowFields } from "../rowFields.ts";
import { sequenceClassificationReader } from "./sequenceClassification.ts";
import type { TaskReader, TaskReaderOptions } from "./taskReader.ts";

export const taskReaders = {
  "sequence-classification": sequenceClassificationReader,
} as Readonly<Record<TaskName, (fields: RowFields, options: TaskReaderOptions) => TaskReader>>;
