/** @file A stage from a model's folder on this machine: weights opened, engine loaded, graph compiled. */
import type { Engine } from "@stagecoach/engine";
import { loadEngine } from "@stagecoach/engine/node";
import { openModelFolder } from "@stagecoach/transformer/node";
import { Stage } from "../stage.ts";
import type { LoadRequest } from "./threadMessages.ts";

export type LocalStage = { readonly stage: Stage; readonly close: () => Promise<void> };

/**
 * @param besideEngine - of a stage that is an adapter's beside its base: all of them on one engine share what they can
 * @throws EngineUnavailableError, and what opening the folder and compiling throw
 */
export async function loadLocalStage(request: LoadRequest, besideEngine?: Engine): Promise<LocalStage> {
  // Closed by whoever has got the stage, last things first, or here when it cannot be loaded.
  await using opened = new AsyncDisposableStack();
  const folder = opened.use(
    await openModelFolder(request.folder, { pooling: request.pooling, verifyBase: !request.isBaseVerified }),
  );
  const { model, weights, task, adapter } = folder;
  const engine =
    besideEngine ??
    opened.adopt(await loadEngine(request.engine, { threads: request.threads }), (each) => each.dispose());
  const layers = request.layers ?? { start: 0, end: model.config.numLayers };
  const { program } = request;
  const isOwn = (name: string) => adapter?.names.has(name) === true;
  const beside = request.beside === undefined ? undefined : { folder: request.beside, isOwn };
  const stage = opened.adopt(
    await Stage.load({ engine, model, weights, layers, task, program, beside, now: () => performance.now() }),
    (each) => each.close(),
  );
  const kept = opened.move();
  return { stage, close: () => kept.disposeAsync() };
}
