/** @file Stages that only say what a model gives. */
import type { StageSettings } from "@stagecoach/training";
import type { Task } from "@stagecoach/transformer";

/** Nothing is trained: no gradients, no moments. */
export function evaluationSettings(task: Task): StageSettings {
  return {
    task,
    dropout: null,
    seed: 0,
    optimizer: { name: "adamw", beta1: 0, beta2: 0, epsilon: 1, weightDecay: 0 },
    freeze: ["."],
    recompute: false,
    replaceHead: false,
  };
}
