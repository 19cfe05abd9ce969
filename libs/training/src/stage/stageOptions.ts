/** @file What a training stage is made from. */
import type { Engine, HostTensor } from "@stagecoach/engine";
import type { LayerRange, TaskModel } from "@stagecoach/transformer";
import type { OptimizerOptions } from "../optimizers/optimizer.ts";
import type { TrainedPart } from "./stageSettings.ts";
import type { DropoutOptions } from "./maskInputs.ts";
import type { MaskMaker } from "./maskMaker.ts";

/** Name of a stage's output for the next stage. */
export const HIDDEN_OUTPUT = "next_hidden";

export type TrainingStageOptions = {
  readonly engine: Engine;
  readonly model: TaskModel;
  readonly layers: LayerRange;
  /** Initial value of a parameter, by the name that graphs use. */
  readonly parameter: (name: string) => Promise<HostTensor>;
  readonly optimizer: OptimizerOptions;
  /** null: no dropout. */
  readonly dropout: DropoutOptions | null;
  /** Default: the thread that asks. Closed with the stage. */
  readonly maskMaker?: MaskMaker;
  /** Whether a parameter stays as it is. */
  readonly isFrozen?: (name: string) => boolean;
  /** Compute activations again in the backward pass instead of keeping them: less memory, more time. */
  readonly recompute?: boolean;
  /** Default: the whole model. */
  readonly part?: TrainedPart | undefined;
  /** Numbers of hidden states that an evaluation gives besides, side by side as `states`: for students. */
  readonly states?: readonly number[] | undefined;
  /** Padding has rows of its own, as in programs that pad (trainingStageGraph): for comparisons with them. */
  readonly withPaddingRows?: boolean;
};
