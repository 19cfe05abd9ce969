/** @file What passes between a process's main thread and its engine thread. */
import type { EngineName } from "@stagecoach/engine/node";
import type { HiddenBatch, LayerRange, TokenBatch } from "@stagecoach/transformer";
import type { RunCost } from "../lengthGroups.ts";
import type { StageFacts, StageOutput, StageOutputKind } from "../stage.ts";

export type LoadRequest = {
  /** The model's folder on this machine. */
  readonly folder: string;
  /** All layers when left out. */
  readonly layers?: LayerRange;
  readonly engine: EngineName;
  readonly threads: number;
};

export type LoadResult = { readonly facts: StageFacts; readonly runCost: RunCost };

export type ThreadRequest =
  | { readonly kind: "load"; readonly id: number; readonly load: LoadRequest }
  | {
      readonly kind: "run";
      readonly id: number;
      readonly batch: TokenBatch | HiddenBatch;
      readonly output: StageOutputKind;
    }
  /** Finish, give the engine's memory back, and end the thread. */
  | { readonly kind: "stop"; readonly id: number };

export type ThreadReply =
  | { readonly id: number; readonly ok: true; readonly result: LoadResult | StageOutput | null }
  | {
      readonly id: number;
      readonly ok: false;
      readonly error: { readonly name: string; readonly code: string; readonly message: string };
    };
