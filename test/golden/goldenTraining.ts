/** @file The golden model and batch of a folder in training: the stages and the pipeline that a run would use, in this process. */
import type { Engine } from "@stagecoach/engine";
import { adamWDefaults, LocalPipeline, sharedWeightOf, TrainingStage } from "@stagecoach/training";
import type { LayerRange, TaskModel, TrainingBatch, WeightSource } from "@stagecoach/transformer";
import { openSafetensors } from "@stagecoach/transformer/node";
import { basename } from "node:path";
import { openTask } from "./compareTask.ts";
import { goldenTaskBatch } from "./taskBatch.ts";
import { evenStages } from "./taskPipeline.ts";

export type GoldenTraining = AsyncDisposable & {
  readonly golden: WeightSource;
  readonly model: TaskModel;
  readonly batch: TrainingBatch;
  readonly stages: readonly TrainingStage[];
  readonly pipeline: LocalPipeline;
};

export type GoldenTrainingOptions = {
  readonly engine: Engine;
  readonly numStages: number;
  readonly recompute?: boolean;
};

/** Without dropout, as the golden numbers are. @throws when the folder has no task */
export async function openGoldenTraining(
  folder: string,
  { engine, numStages, recompute = false }: GoldenTrainingOptions,
): Promise<GoldenTraining> {
  const golden = await openSafetensors(`${folder}/golden.safetensors`);
  const { model, weights } = await openTask(folder, golden);
  // transformers' loss of a span counts padding in, so the padding has to be there; our own oracle leaves it out.
  const withPaddingRows = basename(folder) === "question-answering";
  const { batch } = await goldenTaskBatch(golden, model.task, withPaddingRows);
  const load = (layers: LayerRange) =>
    TrainingStage.load({
      engine,
      model,
      layers,
      parameter: (name) => Promise.resolve(weights[name]!),
      optimizer: adamWDefaults,
      dropout: null,
      recompute,
      withPaddingRows,
    });
  const stages = await Promise.all(evenStages(model.config.numLayers, numStages).map(load));
  const files = { save: () => Promise.resolve(), restore: () => Promise.resolve() };
  const pipeline = new LocalPipeline({ stages, shared: sharedWeightOf(model), files, now: () => 0 });
  return {
    golden,
    model,
    batch,
    stages,
    pipeline,
    async [Symbol.asyncDispose]() {
      await pipeline.close();
      await golden.close();
    },
  };
}
