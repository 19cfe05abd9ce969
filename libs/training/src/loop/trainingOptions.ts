/** @file What a training run is made from. */
import type { TrainingDataSet } from "../data/batchedDataSet.ts";
import type { TrainingPipeline } from "../pipeline/trainingPipeline.ts";
import type { countWarmupSteps, LearningRateSchedule } from "../schedules/learningRate.ts";
import type { CheckpointStore, StepLog } from "./checkpointStore.ts";
import type { EarlyStopping } from "./earlyStopping.ts";
import type { EvaluationSet } from "./evaluate.ts";
import type { RunLength } from "./runPlan.ts";
import type { TrainingEvent } from "./trainingEvents.ts";

export type TrainingOptions = {
  /**
   * Stages with the parameters that the run begins with. Called again whenever a stage was lost, with the pipeline that lost it:
   * to close, or to mend and give back.
   */
  readonly openPipeline: (lost: TrainingPipeline | null) => Promise<TrainingPipeline>;
  readonly data: TrainingDataSet;
  /** null: nothing is evaluated, and the last model is the best one. */
  readonly evaluation: EvaluationSet | null;
  /** What the best checkpoint is tested on, once, when the run is finished; nothing is chosen by it. null: no test. */
  readonly test: EvaluationSet | null;
  readonly length: RunLength;
  readonly learningRate: Omit<LearningRateSchedule, "totalSteps" | "warmupSteps"> & {
    readonly warmup: Parameters<typeof countWarmupSteps>[0];
  };
  /** Of all gradients together; 0 does not clip. */
  readonly maxGradientNorm: number;
  /** Steps between evaluations, and between checkpoints; null: at the end of each epoch. An evaluation that is the best so far is also a checkpoint. */
  readonly evaluationSteps: number | null;
  readonly checkpointSteps: number | null;
  /** Shares of the run, above 0 and up to 1: after so many of its steps, rounded up, it is evaluated and saved besides. */
  readonly milestones?: readonly number[];
  /** A milestone where it stops, as if it was told to pause: it can go on. Default: its end. */
  readonly until?: number | undefined;
  readonly earlyStopping: EarlyStopping | null;
  /** null: the task's own. */
  readonly bestMetric: string | null;
  readonly checkpoints: CheckpointStore;
  readonly log: StepLog;
  /** Awaited, in order. */
  readonly onEvent?: (event: TrainingEvent) => void | Promise<void>;
  /** Its reason is a StopKind; any other reason means `shutdown`. The step at work is finished first. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
};
