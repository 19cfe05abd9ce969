/** @file The engine thread of serving: owns one engine and one stage, and does one request after another. */
import { serveEngineThread } from "@stagecoach/engine/node";
import { loadLocalStage, type LocalStage } from "./loadLocalStage.ts";
import type { LoadRequest, LoadResult, RunRequest } from "./threadMessages.ts";

let local: LocalStage | null = null;

async function unload(): Promise<void> {
  await local?.close();
  local = null;
}

serveEngineThread(
  {
    async load(request: LoadRequest) {
      await unload();
      local = await loadLocalStage(request);
      const result: LoadResult = { facts: local.stage.facts, runCost: await local.stage.calibrate() };
      return { result };
    },
    async run({ batch, output }: RunRequest) {
      if (local === null) throw new Error("internal: a run before the stage was loaded");
      const result = await local.stage.run(batch, output);
      return { result, arrays: [result.data] };
    },
  },
  unload,
);
