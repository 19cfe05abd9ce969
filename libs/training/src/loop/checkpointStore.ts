/** @file What the loop needs of the place where checkpoints and the log of steps are kept (node/training has it on disk). */
import type { ClassReport } from "../metrics/tasks/accumulator.ts";
import type { TrainingState } from "./trainingState.ts";

export type Checkpoint = {
  readonly folder: string;
  /** What the stages have written, relative to the folder. */
  readonly files: readonly string[];
  readonly state: TrainingState;
};

export type SavedCheckpoint = Checkpoint & { readonly bytes: number };

export interface CheckpointStore {
  /** The newest that is complete. @throws TrainingError for one of another run */
  latest(): Promise<Checkpoint | null>;
  /** @throws TrainingError when it is not there */
  at(step: number): Promise<Checkpoint>;
  /**
   * Keep a checkpoint: `write` fills a folder, and the whole appears at once when everything is on the disk.
   *
   * @throws TrainingError `disk_full`; those before are as they were
   */
  save(state: TrainingState, write: (folder: string) => Promise<readonly string[]>): Promise<SavedCheckpoint>;
  /** Remove checkpoints that nobody needs. @param best - the step of one to keep. @returns the steps of those removed */
  prune(best: number | null): Promise<readonly number[]>;
}

/** A step whose gradients are known, before they change anything. */
export type LoggedStep = {
  readonly step: number;
  readonly loss: number;
  readonly gradientNorm: number;
  readonly learningRate: number;
};

export type LoggedEvaluation = {
  /** After this step. */
  readonly step: number;
  readonly metrics: Readonly<Record<string, number | null>>;
};

/** The test of the finished run. */
export type LoggedTest = {
  /** Of the checkpoint that was tested: the best one. */
  readonly step: number;
  readonly metrics: Readonly<Record<string, number | null>>;
  readonly classes: readonly ClassReport[] | null;
};

/** Steps in order, from 1 without gaps, evaluations, and the test at the end. What `append...` adds is on the disk when it resolves. */
export interface StepLog {
  /** The newest step; 0 before the first. */
  readonly lastStep: number;
  /** null before the test. */
  readonly test: LoggedTest | null;
  find(step: number): LoggedStep | undefined;
  appendStep(entry: LoggedStep): Promise<void>;
  /** One that is there already, because steps are made again, is not added. */
  appendEvaluation(entry: LoggedEvaluation): Promise<void>;
  appendTest(entry: LoggedTest): Promise<void>;
}
