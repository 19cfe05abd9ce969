/** @file Which collator makes the batches of which task. */
import type { Task, TaskName, TrainingBatch } from "@stagecoach/transformer";
import { classificationTargets, packTexts, type PlacedExample } from "./collate.ts";

export type Masking = { readonly probability: number };
export type CollateOptions = { readonly task: Task; readonly masking: Masking | undefined };

export const collators = {
  "sequence-classification": (examples: readonly PlacedExample[], { task }: CollateOptions) => ({
    ...packTexts(examples),
    ...classificationTargets(task as Extract<Task, { name: "sequence-classification" }>, examples),
  }),
} as unknown as Readonly<
  Record<TaskName, (examples: readonly PlacedExample[], options: CollateOptions) => TrainingBatch>
>;
