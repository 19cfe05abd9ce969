/** @file What a gateway and the trainer process of a job say to each other over the process's channel. */
import type { CheckpointSize, JobCheck, JobEnd, RunnerEvent, StopKind } from "../jobs/jobRunner.ts";
import type { DataFile, FoundRow, ReadRowTextsOptions } from "@stagecoach/training/node";
import type { TrainingSettings } from "./trainingSettings.ts";

export type ToTrainer =
  | { readonly kind: "start"; readonly folder: string; readonly settings: TrainingSettings }
  /** Instead of a start: say what the job would come to. */
  | { readonly kind: "check"; readonly folder: string; readonly settings: TrainingSettings }
  /** Instead of a start: read the texts of single rows. */
  | ({ readonly kind: "texts"; readonly file: DataFile } & Omit<ReadRowTextsOptions, "signal">)
  /** The event with this number is durable. */
  | { readonly kind: "kept"; readonly event: number }
  /** To the question with this number: null, or why there is no room. */
  | { readonly kind: "room"; readonly question: number; readonly refusal: string | null }
  | { readonly kind: "stop"; readonly stop: StopKind };

/** How often a trainer that trains says that it lives. */
export const ALIVE_MS = 1000;

export type FromTrainer =
  | { readonly kind: "alive" }
  | { readonly kind: "event"; readonly number: number; readonly event: RunnerEvent }
  /** Whether there is room for a checkpoint. */
  | { readonly kind: "room"; readonly question: number; readonly checkpoint: CheckpointSize }
  | { readonly kind: "end"; readonly end: JobEnd }
  | { readonly kind: "checked"; readonly check: JobCheck }
  | { readonly kind: "found"; readonly rows: readonly FoundRow[] }
  /** It cannot go on, and another start may: another trainer still has the folder. */
  | { readonly kind: "lost"; readonly reason: string };
