/** @file Options that say nothing about a job's task, or about its head: nothing that is given is ignored. */
import { TrainingError } from "@stagecoach/training";
import { hasHeadDropout, type TaskModel, type TaskName } from "@stagecoach/transformer";
import type { TrainingSettings } from "./trainingSettings.ts";

/** @throws TrainingError `training_option` */
export function refuseUnused(
  model: TaskModel,
  { hyperparameters, head, replace_head: isNewHead = false }: Unused,
): void {
  const { task, config } = model;
  const given = hyperparameters ?? {};
  const refuse = (name: string, expected: string, got: string) => {
    throw new TrainingError("training_option", `${name}: expected ${expected}, got ${got}`);
  };
  const uses: readonly (readonly [name: string, value: unknown, tasks: readonly TaskName[]])[] = [
    ["mlm probability", given.mlm_probability, ["masked-lm", "pretraining"]],
    ["whole word mask", given.whole_word_mask, ["masked-lm", "pretraining"]],
    ["doc stride", given.doc_stride, ["question-answering"]],
    ["similarity", given.similarity, ["sentence-embedding"]],
    ["similarity scale", given.similarity_scale, ["sentence-embedding"]],
    ["matryoshka dimensions", given.matryoshka_dimensions, ["sentence-embedding"]],
    ["labels", head?.labels, ["sequence-classification", "token-classification"]],
    ["problem type", head?.problem_type, ["sequence-classification"]],
  ];
  for (const [name, value, tasks] of uses) {
    if (value !== undefined && !tasks.includes(task.name)) refuse(name, `the task ${tasks.join(" or ")}`, task.name);
  }
  if (isNewHead && task.name === "sentence-embedding") refuse("replace head", "a task with a head", task.name);
  if (head?.labels !== undefined && "problemType" in task && task.problemType === "regression")
    refuse("labels", "a problem type with labels, none for regression", `${head.labels.length}`);
  if (given.classifier_dropout !== undefined && !hasHeadDropout(model))
    refuse(
      "classifier dropout",
      "a head with dropout",
      `that of ${task.name} in a model of type "${config.modelType}"`,
    );
}

type Unused = Partial<Pick<TrainingSettings, "hyperparameters" | "head" | "replace_head">>;
