/** @file A training pipeline whose stages run one after another in this process. */
import { expectStages, LocalPipeline, type TrainingPipeline } from "@stagecoach/training";
import { loadTrainingStage, restoreStage, saveStage, type LoadedTrainingStage } from "@stagecoach/training/node";
import { readEncoderModel } from "@stagecoach/transformer";
import { jsonReader } from "@stagecoach/transformer/node";
import type { PipelineRequest } from "../../apps/server/src/training/pipelineRequest.ts";
import { trainingStages } from "../../apps/server/src/training/trainingStages.ts";

/** @throws PlanError for more stages than layers; what loading a stage throws */
export async function openLocalPipeline(request: PipelineRequest): Promise<TrainingPipeline> {
  const { folder, settings, numStages, engine, threads } = request;
  const model = await readEncoderModel(jsonReader(folder));
  expectStages({ ...model, task: settings.task }, numStages);
  const loaded: LoadedTrainingStage[] = [];
  const close = async () => {
    for (const each of loaded) await each.close();
  };
  try {
    for (const layers of trainingStages(model, settings, numStages))
      loaded.push(await loadTrainingStage({ folder, layers, engine, threads, settings }));
  } catch (error) {
    await close();
    throw error;
  }
  const pipeline = new LocalPipeline({
    stages: loaded.map(({ stage }) => stage),
    shared: loaded[0]!.shared,
    files: { save: saveStage, restore: restoreStage },
    now: () => performance.now(),
  });
  return {
    numStages,
    accumulate: (step) => pipeline.accumulate(step),
    apply: (step) => pipeline.apply(step),
    evaluate: (batch) => pipeline.evaluate(batch),
    save: (into) => pipeline.save(into),
    restore: (from, files) => pipeline.restore(from, files),
    close,
  };
}
