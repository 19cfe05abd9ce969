/** @file The scorer of a model's folder, with the labels that its config names. */
import { readLabels, readTask, type Task } from "@stagecoach/transformer";
import { jsonReader } from "@stagecoach/transformer/node";
import { Scorer, type ScorerFacts, type ScorerOptions } from "../embedding/scorer.ts";

/** @returns null for a model without a task */
export async function openScorer(
  folder: string,
  { task, ...options }: Omit<ScorerOptions, keyof ScorerFacts> & { readonly task: Task | undefined },
): Promise<Scorer | null> {
  const facts = await readScorerFacts(folder, task);
  return facts === null ? null : new Scorer({ ...options, ...facts });
}

/**
 * @param task - as it is served: choices are scored one by one, with one label, of which the config says nothing
 * @returns null for a model without a task
 */
export async function readScorerFacts(folder: string, task: Task | undefined): Promise<ScorerFacts | null> {
  if (task === undefined) return null;
  const config = await jsonReader(folder)("config.json");
  const trainedFor = readTask(config)?.name ?? task.name;
  const labels = readLabels(config);
  return { task, trainedFor, labels: "numLabels" in task ? labels.slice(0, task.numLabels) : labels };
}
