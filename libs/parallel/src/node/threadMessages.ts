/** @file What goes to the engine thread of serving, and what comes back. */
import type { EngineName } from "@stagecoach/engine/node";
import type { HiddenBatch, LayerRange, TokenBatch } from "@stagecoach/transformer";
import type { RunCost } from "../lengthGroups.ts";
import type { StageFacts, StageOutputKind } from "../stage.ts";

export type LoadRequest = {
  /** Number of the model; 0, the one that a gateway was started for, when left out. What was loaded under it before is unloaded. */
  readonly model?: number;
  /** The model's folder on this machine. */
  readonly folder: string;
  /** All layers when left out. */
  readonly layers?: LayerRange;
  readonly engine: EngineName;
  readonly threads: number;
};

export type LoadResult = { readonly facts: StageFacts; readonly runCost: RunCost };

export type RunRequest = {
  readonly model?: number;
  readonly batch: TokenBatch | HiddenBatch;
  readonly output: StageOutputKind;
};
