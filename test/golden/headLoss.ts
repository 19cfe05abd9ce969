/** @file The fixture of a classifier whose loss is compared with PyTorch: its task with other options, as one stage, and its gradients. */
import { adamWDefaults, TrainingStage } from "@stagecoach/training";
import { checkpointNameOf, type Task, type TaskModel } from "@stagecoach/transformer";
import { openSafetensors } from "@stagecoach/transformer/node";
import { expect } from "vitest";
import { fixtures } from "../harness/paths.ts";
import { largestError } from "./compareEncoder.ts";
import { openTask } from "./compareTask.ts";
import { engines } from "./engines.ts";
import { goldenTaskBatch } from "./taskBatch.ts";

type Classification = Extract<Task, { readonly name: "sequence-classification" }>;

export type LossOptions = Pick<Classification, "labelSmoothing" | "distillation"> & {
  /** Whether the classes have the weights of the fixture. */
  readonly weighted: boolean;
};

/** Without dropout. @param engineName - a key of `engines` */
export async function openHeadLoss(engineName: string, { weighted, ...options }: LossOptions) {
  const folder = `${fixtures}tasks/bert-class-weights`;
  await using tensors = await openSafetensors(`${folder}/golden.safetensors`);
  const { model: base, weights } = await openTask(folder, tensors);
  const { classWeights, ...plain } = base.task as Classification;
  const task: Classification = { ...plain, ...options, ...(weighted ? { classWeights: classWeights! } : {}) };
  const model: TaskModel = { ...base, task };
  const { batch } = await goldenTaskBatch(tensors, task, false);
  const engine = await engines[engineName]!();
  const stage = await TrainingStage.load({
    engine,
    model,
    layers: { start: 0, end: model.config.numLayers },
    parameter: (name) => Promise.resolve(weights[name]!),
    optimizer: adamWDefaults,
    dropout: null,
  });
  return {
    task,
    batch,
    stage,
    /** After a forward pass: those of the head's weight and bias. @param expected - by the names of the checkpoint */
    async expectGradients(expected: Readonly<Record<string, readonly number[]>>): Promise<void> {
      await stage.backward(0, null);
      const names = stage.trained.filter((name) => Object.hasOwn(expected, checkpointNameOf(model, name)));
      expect(names).toHaveLength(2);
      for (const name of names) {
        const { data } = await stage.readGradient(name);
        expect(largestError(data, expected[checkpointNameOf(model, name)]!), name).toBeLessThan(1e-6);
      }
    },
    async close(): Promise<void> {
      await stage.close();
      await engine.dispose();
    },
  };
}
