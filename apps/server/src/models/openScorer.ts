/** @file The scorer of a model's folder, with the labels that its config names. */
import { readLabels, type Task } from "@stagecoach/transformer";
import { jsonReader } from "@stagecoach/transformer/node";
import { Scorer, type ScorerOptions } from "../embedding/scorer.ts";

/** @returns null for a model without a task */
export async function openScorer(
  folder: string,
  { task, ...options }: Omit<ScorerOptions, "task" | "labels"> & { readonly task: Task | undefined },
): Promise<Scorer | null> {
  if (task === undefined) return null;
  return new Scorer({ ...options, task, labels: readLabels(await jsonReader(folder)("config.json")) });
}
