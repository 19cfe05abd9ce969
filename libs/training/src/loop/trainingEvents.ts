/** @file What a run tells of itself while it runs. */
import type { Evaluation } from "../metrics/tasks/accumulator.ts";
import type { StageTimes } from "../pipeline/trainingPipeline.ts";
import type { LoggedTest } from "./checkpointStore.ts";
import type { BestEvaluation } from "./trainingState.ts";

/** `pause` and `shutdown` save a checkpoint first, `cancel` does not. */
export const stopKinds = ["pause", "cancel", "shutdown"] as const;
export type StopKind = (typeof stopKinds)[number];

/** What a signal asks for. */
export function stopKindOf(signal: AbortSignal | undefined): StopKind | null {
  if (signal?.aborted !== true) return null;
  return stopKinds.find((kind) => kind === signal.reason) ?? "shutdown";
}

export type StepReport = {
  readonly step: number;
  readonly totalSteps: number;
  /** Passes over the data so far, with a fraction. */
  readonly epoch: number;
  readonly loss: number;
  readonly parts: Readonly<Record<string, number>>;
  readonly gradientNorm: number;
  readonly learningRate: number;
  /** Tokens and examples of the whole run so far. */
  readonly trainedTokens: number;
  readonly trainedExamples: number;
  /** Of this step, from its batch to its update. */
  readonly seconds: number;
  readonly tokensPerSecond: number;
  readonly examplesPerSecond: number;
  /** Share of the places in attention that padding takes. */
  readonly paddingShare: number;
  readonly stages: readonly StageTimes[];
  /** By the mean of the steps so far, evaluations and checkpoints included. */
  readonly secondsLeft: number;
  /** Whether it ran before and was lost. */
  readonly isReplayed: boolean;
};

export type TrainingEvent =
  | {
      readonly type: "started";
      readonly totalSteps: number;
      readonly numEpochs: number;
      readonly numExamples: number;
      readonly numStages: number;
    }
  /** A checkpoint was read: at the start of a run that goes on, or because a stage was lost. */
  | {
      readonly type: "resumed";
      readonly step: number;
      readonly reason: "restart" | "stage_lost";
      /** Steps that were made since and have to be made again. */
      readonly stepsToReplay: number;
    }
  | ({ readonly type: "step" } & StepReport)
  /** Of an evaluation or a test that goes on, in examples; not more often than twice a second. */
  | { readonly type: "evaluating"; readonly step: number; readonly done: number; readonly total: number }
  | {
      readonly type: "evaluation";
      readonly step: number;
      readonly epoch: number;
      readonly evaluation: Evaluation;
      readonly isBest: boolean;
      readonly seconds: number;
    }
  | {
      readonly type: "checkpoint";
      readonly step: number;
      readonly folder: string;
      readonly bytes: number;
      readonly seconds: number;
      /** Of its step; null before the first. */
      readonly loss: number | null;
      /** Metrics of the newest evaluation; null before the first. */
      readonly metrics: Readonly<Record<string, number | null>> | null;
    }
  | { readonly type: "checkpointRemoved"; readonly step: number }
  /** The test was made, and is not in the log yet. */
  | { readonly type: "tested"; readonly step: number; readonly evaluation: Evaluation }
  /** Of the finished run, also when an earlier process has made the test. */
  | ({ readonly type: "test" } & LoggedTest)
  | { readonly type: "warning"; readonly message: string }
  | ({ readonly type: "finished" } & TrainingSummary);

export type TrainingSummary = {
  /** `stopped` may go on from its last checkpoint. */
  readonly status: "finished" | "stopped_early" | "stopped";
  /** null unless it was told to stop. */
  readonly stop: StopKind | null;
  readonly step: number;
  readonly totalSteps: number;
  readonly trainedTokens: number;
  readonly trainedExamples: number;
  /** The checkpoint with the best model: by its metric, without evaluations the last one. */
  readonly bestStep: number;
  readonly best: BestEvaluation | null;
  /** null without test data, and for a run that is not finished. */
  readonly test: LoggedTest | null;
  /** Steps that had to be made again, in this process. */
  readonly replayedSteps: number;
  readonly seconds: number;
};
