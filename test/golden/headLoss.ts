/** @file The fixture of a classifier whose loss is compared with PyTorch: its task with other options, in stages, and its gradients. */
import type { HostTensor } from "@stagecoach/engine";
import { adamWDefaults, LocalPipeline, TrainingStage } from "@stagecoach/training";
import { restoreStage, saveStage } from "@stagecoach/training/node";
import { checkpointNameOf, type Task, type TaskModel, type TrainingBatch } from "@stagecoach/transformer";
import { openSafetensors } from "@stagecoach/transformer/node";
import { expect } from "vitest";
import { fixtures } from "../harness/paths.ts";
import { largestError } from "./compareEncoder.ts";
import { openTask } from "./compareTask.ts";
import { engines } from "./engines.ts";
import { goldenTaskBatch } from "./taskBatch.ts";
import { evenStages } from "./taskPipeline.ts";

type Classification = Extract<Task, { readonly name: "sequence-classification" }>;

export type LossOptions = {
  /** Whether the classes have the weights of the fixture. */
  readonly weighted?: boolean;
  /** Another task for the fixture's weights. */
  readonly taskOf: (own: Classification) => Task;
  /** Default: 1. */
  readonly numStages?: number;
  /** Weights that the fixture does not have. */
  readonly others?: Readonly<Record<string, HostTensor>>;
};

type Expected = { readonly loss: number; readonly parts?: Readonly<Record<string, number>> };

/** Without dropout. @param engineName - a key of `engines` */
export async function openHeadLoss(
  engineName: string,
  { weighted = false, taskOf, numStages = 1, others = {} }: LossOptions,
) {
  const folder = `${fixtures}tasks/bert-class-weights`;
  await using tensors = await openSafetensors(`${folder}/golden.safetensors`);
  const { model: base, weights } = await openTask(folder, tensors);
  const { classWeights, ...plain } = base.task as Classification;
  const own = { ...plain, ...(weighted ? { classWeights: classWeights! } : {}) };
  const { batch } = await goldenTaskBatch(tensors, own, false);
  const model: TaskModel = { ...base, task: taskOf(own) };
  const engine = await engines[engineName]!();
  const stages: TrainingStage[] = [];
  for (const layers of evenStages(model.config.numLayers, numStages)) {
    const parameter = (name: string) => Promise.resolve((weights[name] ?? others[name])!);
    stages.push(
      await TrainingStage.load({ engine, model, layers, parameter, optimizer: adamWDefaults, dropout: null }),
    );
  }
  const files = { save: saveStage, restore: restoreStage };
  const pipeline = new LocalPipeline({ stages, shared: null, files, now: () => performance.now() });
  return {
    /** Of the fixture as it is. */
    batch,
    classWeights: classWeights!,
    /** Both passes: the largest error of the loss and its parts. */
    async lossError(asked: TrainingBatch, { loss, parts = {} }: Expected): Promise<number> {
      const got = await pipeline.accumulate({ step: 1, microBatches: [asked] });
      expect(Object.keys(got.parts)).toEqual(Object.keys(parts));
      return largestError([got.loss, ...Object.values(got.parts)], [loss, ...Object.values(parts)]);
    },
    /** After that: the largest error of any of these gradients. @param expected - by the names of the checkpoint, of `others` by their own */
    async gradientError(expected: Readonly<Record<string, readonly number[]>>): Promise<number> {
      const errors: number[] = [];
      for (const stage of stages)
        for (const name of stage.trained) {
          const values = expected[name in others ? name : checkpointNameOf(model, name)];
          if (values !== undefined) errors.push(largestError((await stage.readGradient(name)).data, values));
        }
      expect(errors).toHaveLength(Object.keys(expected).length);
      return Math.max(...errors);
    },
    async close(): Promise<void> {
      await pipeline.close();
      await engine.dispose();
    },
  };
}
