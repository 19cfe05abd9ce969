/** @file What a worker needs of whoever owns its engine. */
import type { HiddenBatch, TokenBatch } from "@stagecoach/transformer";
import type { Assignment, FurtherModel } from "./control.ts";
import type { RunCost } from "./lengthGroups.ts";
import type { StageFacts, StageOutputKind, TimedOutput } from "./stage.ts";
import type { TrainingHost } from "./training/trainingWork.ts";

/** The stage as its worker sees it; its engine may live in another thread. */
export interface StageHost {
  /** Load the assigned layers, unless they are loaded already. */
  load(assignment: Assignment): Promise<{ readonly facts: StageFacts; readonly runCost: RunCost }>;
  /** Load layers of a further model, unless they are loaded already; on the engine of the assignment. */
  loadModel?(model: FurtherModel, assignment: Assignment): Promise<void>;
  unloadModel?(number: number): Promise<void>;
  /** @param model - number of the model, 0 for the assignment's own */
  run(batch: TokenBatch | HiddenBatch, output: StageOutputKind, model?: number): Promise<TimedOutput>;
  /** Runs that it takes at a time: those that it does, and those that it is to have at hand then. */
  readonly numPlaces: number;
  /** Milliseconds that the oldest request has been with the engine. */
  readonly runningMs: number;
}

/** The training stage as its worker sees it. */
export interface TrainingStageHost extends TrainingHost {
  /** Load the assigned layers, with the parameters that a run begins with. */
  loadTraining(assignment: Assignment): Promise<StageFacts>;
  /** Milliseconds that the oldest request has been with the engine. */
  readonly runningMs: number;
}
