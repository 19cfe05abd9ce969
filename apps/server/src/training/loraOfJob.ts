/** @file Which layers of a job's model get adapters, and what is trained beside them. */
import { patternOf, TrainingError } from "@stagecoach/training";
import {
  checkpointNameOf,
  linearModules,
  standardLoraModules,
  taskParameters,
  type LoraOptions,
  type TaskModel,
  type TaskName,
} from "@stagecoach/transformer";
import type { Hyperparameters } from "../jobs/hyperparameters.ts";

/** Their heads are trained as a whole beside the adapters. Those of language models are large, and tied to the embeddings. */
const adaptedTasks: readonly TaskName[] = [
  "sequence-classification",
  "token-classification",
  "question-answering",
  "multiple-choice",
  "sentence-embedding",
];

/** A name that stands for all linear layers of the encoder, as in peft. */
const ALL_LINEAR = "all-linear";

/**
 * @param missing - weights that no checkpoint has, a new pooler among them: they are trained as a whole too
 * @returns undefined where no adapters are asked for
 * @throws TrainingError for a task without adapters, and a target that no layer has
 */
export function loraOfJob(
  model: TaskModel,
  {
    lora_rank: rank,
    lora_alpha: alpha,
    lora_targets: targets,
    lora_dropout: dropout,
    lora_merge: merge,
  }: Hyperparameters,
  missing: readonly string[],
): LoraOptions | undefined {
  if (rank === undefined) {
    if ([alpha, targets, dropout, merge].some((given) => given !== undefined))
      throw wrong(
        "lora rank: expected one together with lora alpha, lora targets, lora dropout and lora merge, got none",
      );
    return undefined;
  }
  const { task } = model;
  if (!adaptedTasks.includes(task.name))
    throw wrong(`lora rank: expected the task ${adaptedTasks.join(", ")}, got ${task.name}`);
  const layers = taskParameters(model).filter(({ isHead, isAuxiliary }) => !isHead && !isAuxiliary);
  const base = missing.find((name) => layers.some((each) => each.name === name));
  if (base !== undefined) throw wrong(`lora rank: expected a model with weights to adapt, got none for ${base}`);
  return {
    rank,
    alpha: alpha ?? rank,
    modules: targets === undefined ? standardLoraModules(model) : modulesNamed(model, targets),
    saved: savedModules(model, missing),
    ...(dropout === undefined ? {} : { dropout }),
  };
}

const wrong = (message: string) => new TrainingError("training_option", message);

function modulesNamed(model: TaskModel, targets: readonly string[]): string[] {
  const all = linearModules(model);
  const isMeant = (module: string, target: string) =>
    target === ALL_LINEAR ||
    [module, checkpointNameOf(model, module), model.family.prefix + module].some(
      (each) => each === target || each.endsWith(`.${target}`),
    );
  const unknown = targets.find((target) => !all.some((module) => isMeant(module, target)));
  if (unknown !== undefined) {
    const examples = [...new Set(all.map((module) => module.split(".").at(-1)))].join(", ");
    const expected = `the end of a linear layer's name (${examples}) or ${ALL_LINEAR}`;
    throw wrong(`lora targets: expected ${expected}, got "${unknown}"`);
  }
  return all.filter((module) => targets.some((target) => isMeant(module, target)));
}

/** Modules of the head, by the beginnings of their names. A pooler that the checkpoint has stays as it is. */
function savedModules(model: TaskModel, missing: readonly string[]): string[] {
  const pooler = model.family.poolerName?.split(".")[0];
  const heads = taskParameters(model).filter(({ isHead }) => isHead);
  const trained = heads.filter(({ name }) => name.split(".")[0] !== pooler || missing.includes(name));
  return [...new Set(trained.map(({ name }) => name.split(".")[0]!))];
}

/** Weights that stay as they are beside adapters, as patterns for StageSettings. */
export function frozenByLora(model: TaskModel, { saved }: LoraOptions): string[] {
  const frozen = taskParameters(model).filter(
    ({ name, isAdapter, isAuxiliary }) =>
      !isAdapter && !isAuxiliary && !saved.some((beginning) => name.startsWith(`${beginning}.`)),
  );
  return frozen.map(({ name }) => patternOf(name));
}
