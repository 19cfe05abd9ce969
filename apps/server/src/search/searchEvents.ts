/** @file What a search tells of itself, besides what its last run tells (training/runJob.ts). */
import type { DataReport, TrainingEvent } from "@stagecoach/training";
import type { TaskName } from "@stagecoach/transformer";
import type { Trial } from "../jobs/searchSchema.ts";
import type { SearchedSettings } from "./trials.ts";

export type SearchEvent =
  /** Its data was read, and its trials begin. */
  | {
      readonly type: "search";
      readonly settings: SearchedSettings & { readonly task: TaskName };
      readonly reports: readonly DataReport[];
      readonly labels: readonly string[];
      readonly numTrials: number;
      /** Runs at the same time. */
      readonly parallel: number;
      readonly numTrain: number;
      readonly numEvaluation: number;
      readonly numTest: number;
    }
  /** A trial has another state than before. */
  | { readonly type: "trial"; readonly trial: Trial; readonly isBest: boolean }
  /** A run has made a step. */
  | {
      readonly type: "searchStep";
      /** Of the run. */
      readonly step: Extract<TrainingEvent, { readonly type: "step" }>;
      /** null for the run on all of the data. */
      readonly trial: number | null;
      /** Steps of all runs. */
      readonly done: number;
      /** By what is known of the runs so far. */
      readonly total: number;
      readonly secondsLeft: number | null;
      readonly trainedTokens: number;
      readonly best: Trial | null;
      /** Trials that go on no more. */
      readonly numOver: number;
      readonly numTrials: number;
    };
