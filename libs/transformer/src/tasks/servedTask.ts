/** @file The task that a model's folder can serve, besides giving vectors. */
import type { CheckpointEntries } from "../checkpointNames.ts";
import type { EncoderModel } from "../encoderModel.ts";
import type { Task } from "./task.ts";
import { resolveTaskCheckpointNames } from "./taskCheckpoint.ts";
import { readTask } from "./taskModel.ts";

/**
 * The task that `config.json` names, if its head is in the checkpoint. Choices are scored as texts, one score each.
 *
 * @param json - content of `config.json`
 */
export function servedTask(model: EncoderModel, json: unknown, checkpoint: CheckpointEntries): Task | undefined {
  const named = readTask(json);
  if (named === null) return undefined;
  const task: Task =
    named.name === "multiple-choice"
      ? { name: "sequence-classification", problemType: "regression", numLabels: 1 }
      : named;
  const { missing } = resolveTaskCheckpointNames({ ...model, task }, checkpoint);
  return missing.length === 0 ? task : undefined;
}
