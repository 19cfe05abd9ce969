/** @file Cost of a model's layers as this machine runs them, one layer after another. */
import { loadEngine, type EngineName } from "@stagecoach/engine/node";
import { openModelFolder } from "@stagecoach/transformer/node";
import { runSeconds } from "../lengthGroups.ts";
import { TYPICAL_LENGTH } from "../modelCosts.ts";
import type { ModelCosts } from "../planStages.ts";
import { Stage } from "../stage.ts";

export type MeasureOptions = { readonly folder: string; readonly engine: EngineName; readonly threads: number };

/** Texts of the run that the costs are for. */
const TYPICAL_TEXTS = 8;

/**
 * Load each layer alone and time it. Embeddings and head come with the first and the last layer, to which a plan ties them anyway.
 * @returns seconds for a micro-batch of typical texts
 */
export async function measureModelCosts({ folder, engine: name, threads }: MeasureOptions): Promise<ModelCosts> {
  const opened = await openModelFolder(folder);
  const engine = await loadEngine(name, { threads });
  const { model, weights } = opened;
  const lengths = Array.from({ length: TYPICAL_TEXTS }, () => Math.min(TYPICAL_LENGTH, model.modules.maxLength));
  const layers: number[] = [];
  for (let start = 0; start < model.config.numLayers; start++) {
    const stage = await Stage.load({
      engine,
      model,
      weights,
      layers: { start, end: start + 1 },
      now: () => performance.now(),
    });
    layers.push(runSeconds(await stage.calibrate(), lengths));
    await stage.close();
  }
  await engine.dispose();
  await opened.close();
  return { embeddings: 0, layers, head: 0 };
}
