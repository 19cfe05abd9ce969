/** @file What every head is given. */
import type { Tensor } from "@stagecoach/graph";
import type { PackingIndices } from "../../packing.ts";
import type { HeadDropout } from "../dropoutSites.ts";
import type { TaskModel } from "../taskModel.ts";

export type HeadContext = {
  readonly model: TaskModel;
  /** `[T, D]`: what the last layer gave. */
  readonly hidden_TD: Tensor;
  readonly packing: PackingIndices;
  readonly dropout: HeadDropout;
};
