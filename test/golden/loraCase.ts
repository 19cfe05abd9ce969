/** @file The model with adapters of test/fixtures/lora, and its batch. */
import { linearModules, type LoraOptions, type TaskModel } from "@stagecoach/transformer";
import { openSafetensors } from "@stagecoach/transformer/node";
import { fixtures } from "../harness/paths.ts";
import { openTask } from "./compareTask.ts";
import { goldenTaskBatch } from "./taskBatch.ts";

/** @param options.dropout - of what adapters read; none when left out */
export async function openLoraCase(options: Pick<LoraOptions, "dropout"> = {}) {
  const folder = `${fixtures}tasks/bert-class-weights`;
  await using tensors = await openSafetensors(`${folder}/golden.safetensors`);
  const { model: base, weights } = await openTask(folder, tensors);
  const modules = linearModules(base).filter((module) => /(query|value|output\.dense)$/.test(module));
  const lora: LoraOptions = { rank: 2, alpha: 6, modules, saved: ["classifier"], ...options };
  const model: TaskModel = {
    ...base,
    task: { name: "sequence-classification", problemType: "single_label_classification", numLabels: 3 },
    lora,
  };
  const { batch } = await goldenTaskBatch(tensors, model.task, false);
  return { model, lora, weights, batch };
}
