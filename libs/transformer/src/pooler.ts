/** @file BERT's pooler: the first token of the last layer through a linear layer and tanh. It was trained by next-sentence prediction. */
import { gatherRows, tanh, type Tensor } from "@stagecoach/graph";
import { linear, type LinearParameters } from "./linear.ts";
import type { PackingIndices } from "./packing.ts";

/** @returns `[B, D]`: transformers' `pooler_output` */
export function pooler(hidden_TD: Tensor, dense: LinearParameters, { firstIndex_B }: PackingIndices): Tensor {
  return tanh(linear(gatherRows(hidden_TD, firstIndex_B), dense));
}
