/** @file One stage of a task model when it serves: the layers of encoderStack.ts, and on the last stage the task's head. */
import { graphOf, withScope, type Graph } from "@stagecoach/graph";
import { encoderStack, type LayerRange } from "../encoderStack.ts";
import { packingInputs } from "../packing.ts";
import { headDropout } from "./dropoutSites.ts";
import { architectureOf, type TaskModel } from "./taskModel.ts";
import { taskOutputs } from "./taskOutputs.ts";

/**
 * Inputs: those of stageGraph; on the last stage `masked_rows` `[M]` for masked-LM, `choice_index` `[Q, C]` for multiple choice.
 *
 * Outputs: `last_hidden_state` `[T, D]` on stages before the last; the task's logits (taskOutputs.ts) on the last.
 *
 * @throws UnsupportedModelError for a task that the family does not have
 */
export function taskStageGraph(model: TaskModel, layers: LayerRange): Graph {
  architectureOf(model);
  const packing = packingInputs();
  const { hidden_TD } = encoderStack(model, layers, { packing });
  if (layers.end < model.config.numLayers) return graphOf({ last_hidden_state: hidden_TD });
  const context = { model, hidden_TD, packing, dropout: headDropout(model, null) };
  return graphOf(withScope("head", () => taskOutputs(context)));
}
