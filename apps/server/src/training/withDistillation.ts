/** @file What a classifier learns of a teacher's logits, as a job asks for it. */
import { TrainingError } from "@stagecoach/training";
import type { Task } from "@stagecoach/transformer";
import type { Hyperparameters } from "../jobs/hyperparameters.ts";

/** Hinton et al. 2015 take temperatures of 1 to 20, and much less weight for the labels where there is little data. */
const [TEMPERATURE, ALPHA] = [2, 0.5];

/** What a task has of it, under the names of hyper-parameters. */
export function distillationOf(task: Task): Pick<Hyperparameters, "distillation_temperature" | "distillation_alpha"> {
  if (!("distillation" in task) || task.distillation === undefined) return {};
  const { temperature, alpha } = task.distillation;
  return { distillation_temperature: temperature, distillation_alpha: alpha };
}

/**
 * The task with its share of the teacher in the loss; any other as it is.
 * @param hasLogits - whether the teacher is a classifier
 * @throws TrainingError for options of a teacher that is none
 */
export function withDistillation(
  task: Task,
  { distillation_temperature: temperature, distillation_alpha: alpha }: Hyperparameters,
  hasLogits: boolean,
): Task {
  if (!hasLogits) {
    const unused = Object.entries({ temperature, alpha }).find(([, value]) => value !== undefined);
    if (unused === undefined) return task;
    const message = `distillation ${unused[0]}: it says nothing without a teacher of classes (leave it out, or give a teacher)`;
    throw new TrainingError("training_option", message);
  }
  if (task.name !== "sequence-classification" && task.name !== "token-classification")
    throw new Error(`internal: a teacher's logits for ${task.name}`);
  return { ...task, distillation: { temperature: temperature ?? TEMPERATURE, alpha: alpha ?? ALPHA } };
}
