/** @file A training stage from a model's folder on this machine: weights opened, new ones made, engine loaded, graphs compiled. */
import type { HostTensor } from "@stagecoach/engine";
import { loadEngine, type EngineName } from "@stagecoach/engine/node";
import {
  checkpointEntries,
  readEncoderModel,
  readInitializerRange,
  resolveTaskCheckpointNames,
  taskParameters,
  type LayerRange,
  type TaskModel,
  type TaskParameter,
} from "@stagecoach/transformer";
import { isAdapterFolder, jsonReader, openWholeWeights } from "@stagecoach/transformer/node";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { sharedWeightOf, type SharedWeight } from "../pipeline/sharedWeights.ts";
import { newParameter } from "../stage/newParameter.ts";
import { LocalMaskMaker, type MaskMaker } from "../stage/maskMaker.ts";
import { frozenBy, type StageSettings } from "../stage/stageSettings.ts";
import { TrainingStage } from "../stage/trainingStage.ts";
import { MaskThreads } from "./maskThreads.ts";

export type TrainingStageRequest = {
  readonly folder: string;
  readonly layers: LayerRange;
  readonly engine: EngineName;
  readonly threads: number;
  readonly settings: StageSettings;
};

export type LoadedTrainingStage = {
  readonly stage: TrainingStage;
  readonly shared: SharedWeight | null;
  /** Of the engine, for people. */
  readonly engine: string;
  readonly close: () => Promise<void>;
};

/** @throws CheckpointError, ModelConfigError, EngineUnavailableError, EngineFailureError */
export async function loadTrainingStage(request: TrainingStageRequest): Promise<LoadedTrainingStage> {
  const { folder, layers, threads, settings } = request;
  const parameters = await openInitialParameters(folder, settings);
  const { model } = parameters;
  const engine = await loadEngine(request.engine, { threads });
  try {
    const stage = await TrainingStage.load({
      engine,
      model,
      layers,
      parameter: parameters.parameter,
      optimizer: settings.optimizer,
      dropout: settings.dropout === null ? null : { rates: settings.dropout, seed: settings.seed },
      ...(settings.dropout === null ? {} : { maskMaker: maskMakerOf(request) }),
      isFrozen: frozenBy(settings.freeze),
      recompute: settings.recompute,
      part: settings.part,
      states: settings.states,
    });
    return {
      stage,
      shared: sharedWeightOf(model),
      engine: engine.description,
      async close() {
        await stage.close();
        await engine.dispose();
      },
    };
  } finally {
    await parameters.close();
  }
}

/** Tensors of tfjs need memory of their own. */
function maskMakerOf({ engine, threads, settings: { seed } }: TrainingStageRequest): MaskMaker {
  return engine === "onnxruntime" && threads > 1 ? new MaskThreads(seed, threads) : new LocalMaskMaker(seed);
}

export type InitialParameters = {
  readonly model: TaskModel;
  /** Value of a weight at the start, by the name that graphs use. */
  readonly parameter: (name: string) => Promise<HostTensor>;
  /** Weights of the model that no checkpoint has: they are made from the seed. */
  readonly missing: readonly string[];
  readonly close: () => Promise<void>;
};

/**
 * A folder without a checkpoint is a model from scratch: every weight is made from the seed.
 * @throws CheckpointError, ModelConfigError
 */
export async function openInitialParameters(
  folder: string,
  { task, seed, replaceHead, lora }: Pick<StageSettings, "task" | "seed" | "replaceHead" | "lora">,
): Promise<InitialParameters> {
  const readJson = jsonReader(folder);
  const model: TaskModel = { ...(await readEncoderModel(readJson)), task, lora };
  const all = new Map(taskParameters(model).map((each) => [each.name, each]));
  const namesOf = (parameters: Iterable<TaskParameter>) =>
    [...parameters].flatMap(({ name, isAuxiliary }) => (isAuxiliary ? [] : [name]));
  const deviation = readInitializerRange(await readJson("config.json"));
  const make = (name: string) => {
    const made = all.get(all.get(name)?.tiedTo ?? name);
    if (made === undefined) throw new Error(`internal: the model has no weight "${name}"`);
    return newParameter(made, { model, seed, deviation });
  };
  const hasCheckpoint = ["model.safetensors", "model.safetensors.index.json"].some((name) =>
    existsSync(join(folder, name)),
  );
  if (!hasCheckpoint && !(await isAdapterFolder(folder)))
    return {
      model,
      parameter: async (name) => make(name),
      missing: namesOf(all.values()),
      close: () => Promise.resolve(),
    };
  const weights = await openWholeWeights(folder);
  const { names, missing } = resolveTaskCheckpointNames(model, checkpointEntries(weights), { replaceHead });
  return {
    model,
    async parameter(name) {
      const stored = names.get(name);
      if (stored === undefined) return make(name);
      return { dtype: "float32", shape: weights.entry(stored).shape, data: await weights.readFloat32(stored) };
    },
    missing: namesOf(missing),
    close: () => weights.close(),
  };
}
