/** @file The engine thread of serving: owns stages of one model or several, and does one request after another. */
import { serveEngineThread } from "@stagecoach/engine/node";
import { BASE_MODEL } from "../microBatchFrames.ts";
import { loadLocalStage, type LocalStage } from "./loadLocalStage.ts";
import type { LoadRequest, LoadResult, RunRequest } from "./threadMessages.ts";

const stages = new Map<number, LocalStage>();

async function unload(model: number): Promise<void> {
  const local = stages.get(model);
  stages.delete(model);
  await local?.close();
}

serveEngineThread(
  {
    async load(request: LoadRequest) {
      const { model = BASE_MODEL } = request;
      await unload(model);
      const local = await loadLocalStage(request);
      stages.set(model, local);
      const { facts } = local.stage;
      const result: LoadResult = { facts, runCost: await local.stage.calibrate() };
      return { result };
    },
    async unload(model: number) {
      await unload(model);
      return { result: null };
    },
    async run({ batch, output, model = BASE_MODEL }: RunRequest) {
      const local = stages.get(model);
      if (local === undefined) throw new Error(`internal: a run of model ${model} before it was loaded`);
      const result = await local.stage.run(batch, output);
      return { result, arrays: [result.data] };
    },
  },
  async () => {
    for (const model of stages.keys()) await unload(model);
  },
);
