/** @file What a job asks of whoever opens its pipeline. */
import type { EngineName } from "@stagecoach/engine/node";
import type { ScheduleName } from "@stagecoach/parallel";
import type { StageSettings, TrainingPipeline } from "@stagecoach/training";

export type PipelineRequest = {
  /** The base model's folder on this machine. */
  readonly folder: string;
  readonly settings: StageSettings;
  readonly numStages: number;
  readonly engine: EngineName;
  /** Threads of each stage. */
  readonly threads: number;
  readonly schedule: ScheduleName;
  /** Most tokens of a micro-batch, in training and evaluation. */
  readonly maxMicroBatchTokens: number;
};

/** Called again after the loss of a stage, with the pipeline that lost it: to close, or to mend and give back. */
export type OpenPipeline = (request: PipelineRequest, lost: TrainingPipeline | null) => Promise<TrainingPipeline>;
