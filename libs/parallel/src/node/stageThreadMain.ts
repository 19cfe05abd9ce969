/** @file The engine thread of serving: owns stages of one model or several, and does one request after another. */
import type { Engine } from "@stagecoach/engine";
import { loadEngine, serveEngineThread } from "@stagecoach/engine/node";
import { freeMemory } from "../freeMemory.ts";
import { BASE_MODEL } from "../microBatchFrames.ts";
import type { StageFacts, TimedOutput } from "../stage.ts";
import { unixNow } from "./clock.ts";
import { loadLocalStage, type LocalStage } from "./loadLocalStage.ts";
import type { LaneLoadResult, LoadRequest, LoadResult, RunRequest, StageWidth } from "./threadMessages.ts";

const stages: Readonly<Record<StageWidth, Map<number, LocalStage>>> = { whole: new Map(), lane: new Map() };

/** Of adapters beside their base: those of the same layers share a session. */
const besideEngines = new Map<StageWidth, Engine>();

async function besideEngine({ width = "whole", engine, threads }: LoadRequest): Promise<Engine> {
  const loaded = besideEngines.get(width) ?? (await loadEngine(engine, { threads }));
  besideEngines.set(width, loaded);
  return loaded;
}

async function unload(width: StageWidth, model: number): Promise<void> {
  const local = stages[width].get(model);
  stages[width].delete(model);
  await local?.close();
}

async function reload(request: LoadRequest): Promise<StageFacts> {
  const { model = BASE_MODEL, width = "whole" } = request;
  const local = await loadLocalStage(request);
  await unload(width, model);
  stages[width].set(model, local);
  return local.stage.facts;
}

async function unloadAll(model: number): Promise<void> {
  await unload("whole", model);
  await unload("lane", model);
}

serveEngineThread(
  {
    async load(request: LoadRequest) {
      const { model = BASE_MODEL, width = "whole", isReload = false } = request;
      if (isReload) return { result: { facts: await reload(request) } };
      await unload("lane", model);
      if (width === "whole") await unload("whole", model);
      const local = await loadLocalStage(
        request,
        request.beside === undefined ? undefined : await besideEngine(request),
      );
      stages[width].set(model, local);
      const { facts } = local.stage;
      const result: LoadResult | LaneLoadResult =
        // An adapter costs what its base does: nobody measures it either.
        width === "whole" && request.beside === undefined
          ? { facts, runCost: await local.stage.calibrate() }
          : { facts };
      return { result };
    },
    async unload(model: number) {
      await unloadAll(model);
      return { result: null };
    },
    async run({ batch, output, model = BASE_MODEL, width = "whole" }: RunRequest) {
      const local = stages[width].get(model);
      if (local === undefined) throw new Error(`internal: a run of model ${model} (${width}) before it was loaded`);
      const given = await local.stage.run(batch, output);
      const result: TimedOutput = { ...given, startedAt: unixNow() - given.busyMs };
      if ("hidden" in batch) freeMemory(batch.hidden);
      return { result, arrays: [result.data, ...(result.hidden === undefined ? [] : [result.hidden.data])] };
    },
  },
  async () => {
    for (const models of Object.values(stages)) for (const model of models.keys()) await unloadAll(model);
    for (const engine of besideEngines.values()) await engine.dispose();
  },
);
