/** @file A teacher's head and its labels, which are the job's in an order of their own. */
import { TrainingError } from "@stagecoach/training";
import { readLabels, readTask, type Task } from "@stagecoach/transformer";
import { jsonReader } from "@stagecoach/transformer/node";
import type { StagedTeacher } from "./teacherStages.ts";

export type ClassifierOf<Kind extends Task> = StagedTeacher & {
  readonly task: Kind;
  /** Of the job's labels in order: the teacher's number of each. */
  readonly columns: readonly number[];
};

/**
 * @param labels - the job's, in order
 * @param kind.expected - for the message
 * @throws TrainingError for a teacher of another kind, or with other labels
 */
export async function readClassifier<Kind extends Task>(
  { folder, model }: StagedTeacher,
  labels: readonly string[],
  kind: { readonly expected: string; readonly is: (task: Task) => task is Kind },
): Promise<ClassifierOf<Kind>> {
  const config = await jsonReader(folder)("config.json");
  const task = readTask(config);
  if (task === null || !kind.is(task)) {
    const found = task === null ? "a model without a head" : "problemType" in task ? task.problemType : task.name;
    throw wrong(`expected ${kind.expected}, got ${found}`);
  }
  const own = readLabels(config);
  const columns = labels.map((label) => own.indexOf(label));
  if (own.length !== labels.length || columns.includes(-1))
    throw wrong(`expected the labels ${shown(labels)}, got ${shown(own)} (the job's labels can be given)`);
  return { folder, model, task, columns };
}

const wrong = (message: string) => new TrainingError("training_option", `teacher: ${message}`);

const shown = (labels: readonly string[]): string =>
  labels.length <= 10 ? labels.join(", ") : `${labels.slice(0, 10).join(", ")}, ... (${labels.length})`;

/** `[R, C]` with the columns in another order. */
export function inOrder(logits: Float32Array, columns: readonly number[]): Float32Array {
  const C = columns.length;
  return logits.map((_, at) => logits[at - (at % C) + columns[at % C]!]!);
}
