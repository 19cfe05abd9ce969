/** @file A stage from a model's folder on this machine: weights opened, engine loaded, graph compiled. */
import { loadEngine } from "@stagecoach/engine/node";
import { openModelFolder } from "@stagecoach/transformer/node";
import { Stage } from "../stage.ts";
import type { LoadRequest } from "./threadMessages.ts";

export type LocalStage = { readonly stage: Stage; readonly close: () => Promise<void> };

/** @throws EngineUnavailableError, and what opening the folder and compiling throw */
export async function loadLocalStage(request: LoadRequest): Promise<LocalStage> {
  // Closed by whoever has got the stage, last things first, or here when it cannot be loaded.
  await using opened = new AsyncDisposableStack();
  const folder = opened.use(await openModelFolder(request.folder, { pooling: request.pooling }));
  const { model, weights, task } = folder;
  const engine = opened.adopt(await loadEngine(request.engine, { threads: request.threads }), (each) => each.dispose());
  const layers = request.layers ?? { start: 0, end: model.config.numLayers };
  const { program } = request;
  const stage = opened.adopt(
    await Stage.load({ engine, model, weights, layers, task, program, now: () => performance.now() }),
    (each) => each.close(),
  );
  const kept = opened.move();
  return { stage, close: () => kept.disposeAsync() };
}
