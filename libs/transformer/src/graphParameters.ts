/** @file The weights that a whole model needs, by name and shape, without its checkpoint. */
import { nameOf } from "@stagecoach/graph";
import type { EncoderModel } from "./encoderModel.ts";
import type { LayerRange } from "./encoderStack.ts";
import { stageGraph } from "./stageGraph.ts";

export type ParameterShape = { readonly name: string; readonly shape: readonly number[] };

/** Weights of the encoder's own checkpoint that the layers `range` need (all by default). Dense modules keep theirs elsewhere. */
export function graphParameters(model: EncoderModel, range?: LayerRange): ParameterShape[] {
  return stageGraph(model, range ?? { start: 0, end: model.config.numLayers })
    .parameters.map((node) => ({ name: nameOf(node), shape: node.shape.filter((dim) => typeof dim === "number") }))
    .filter(({ name }) => !name.includes("/"));
}
