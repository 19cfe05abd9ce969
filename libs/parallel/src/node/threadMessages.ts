/** @file What goes to the engine thread of serving, and what comes back. */
import type { SharedProgram } from "@stagecoach/engine";
import type { EngineName } from "@stagecoach/engine/node";
import type { HiddenBatch, LayerRange, PoolingMode, TokenBatch } from "@stagecoach/transformer";
import type { RunCost } from "../lengthGroups.ts";
import type { StageFacts, StageOutputKind } from "../stage.ts";

/** A thread can hold a stage twice: with all threads of the stage, and with those of one lane (stageLanes.ts). */
export type StageWidth = "whole" | "lane";

export type LoadRequest = {
  /** `whole` when left out. */
  readonly width?: StageWidth;
  /** Where the compiled stage lies for both widths and all lanes. */
  readonly program?: SharedProgram;
  /** For an adapter: the folder of its base's program, whose weights it takes. */
  readonly beside?: string;
  /** What is loaded under the number serves until this is, and nothing is measured: the same stage, in another place of memory. */
  readonly isReload?: boolean;
  /** Number of the model; 0, the one that a gateway was started for, when left out. What was loaded under it before is unloaded. */
  readonly model?: number;
  /** The model's folder on this machine. */
  readonly folder: string;
  /** Whoever asks has seen that the base of an adapter has the weights that it was trained on. */
  readonly isBaseVerified?: boolean;
  /** Takes the place of the pooling that the folder declares. */
  readonly pooling?: PoolingMode | undefined;
  /** All layers when left out. */
  readonly layers?: LayerRange;
  readonly engine: EngineName;
  readonly threads: number;
};

export type LoadResult = { readonly facts: StageFacts; readonly runCost: RunCost };

/** A lane's stage costs what the whole one does, with fewer threads: nobody measures it. */
export type LaneLoadResult = { readonly facts: StageFacts };

export type RunRequest = {
  readonly width?: StageWidth;
  readonly model?: number;
  readonly batch: TokenBatch | HiddenBatch;
  readonly output: StageOutputKind;
};
