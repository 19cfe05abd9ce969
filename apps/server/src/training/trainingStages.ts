/** @file Which layers each stage of a training pipeline has. */
import { modelCosts, planStages } from "@stagecoach/parallel";
import type { StageSettings } from "@stagecoach/training";
import type { EncoderModel, LayerRange } from "@stagecoach/transformer";

/** The head by itself is one stage without layers. @throws PlanError for more stages than layers */
export function trainingStages(
  model: EncoderModel,
  { part }: Pick<StageSettings, "part">,
  numStages: number,
): LayerRange[] {
  const { numLayers } = model.config;
  if (part === "head") return [{ start: numLayers, end: numLayers }];
  return planStages(modelCosts(model), numStages);
}
