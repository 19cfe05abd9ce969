/**
 * @file The pipeline that a training loop drives: stages in one process, or workers behind WebSockets. The loop does not know.
 *
 * A step is a transaction: `accumulate` changes nothing that lasts, `apply` changes the parameters. Between the two the loop
 * makes the step durable.
 */
import type { HostTensor } from "@stagecoach/engine";
import type { TrainingBatch } from "@stagecoach/transformer";
import type { OptimizerStep } from "../optimizers/optimizer.ts";

export type StepRequest = {
  /** From 1. */
  readonly step: number;
  readonly microBatches: readonly TrainingBatch[];
};

/** Time of one stage in one step, in seconds. */
export type StageTimes = {
  readonly forward: number;
  readonly backward: number;
  /** From the first work of any stage to the last of this step, less this stage's own work: waiting and all else. */
  readonly idle: number;
};

export type StepGradients = {
  /** Over all micro-batches: the sum of what each adds. */
  readonly loss: number;
  /** Loss by part, where a task has several. */
  readonly parts: Readonly<Record<string, number>>;
  /** Euclidean norm over all parameters; not finite when a gradient is not. */
  readonly gradientNorm: number;
  /** The task's outputs for each micro-batch (task.ts), for metrics of training. */
  readonly outputs: readonly Readonly<Record<string, HostTensor>>[];
  readonly stages: readonly StageTimes[];
};

export interface TrainingPipeline {
  readonly numStages: number;
  /** Forward and backward passes of all micro-batches. @throws StageLostError (code `stage_lost`), BatchError, EngineFailureError */
  accumulate(request: StepRequest): Promise<StepGradients>;
  /** Change the parameters by what was accumulated. */
  apply(step: OptimizerStep): Promise<void>;
  /** The task's outputs for one micro-batch, without dropout; `loss` as if it were a step of its own. */
  evaluate(batch: TrainingBatch): Promise<Readonly<Record<string, HostTensor>>>;
  /**
   * Every stage writes parameters and optimizer state to files in `folder`, flushed.
   * @returns their names, relative to the folder
   */
  save(folder: string): Promise<readonly string[]>;
  /** Every stage reads its state from the files of a checkpoint, whatever stages wrote them. */
  restore(folder: string, files: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** Per loss part: 1 / what it counts over all micro-batches. */
export function lossScales(microBatches: readonly TrainingBatch[]): Readonly<Record<string, number>> {
  const totals: Record<string, number> = {};
  for (const { counts } of microBatches) {
    for (const [part, count] of Object.entries(counts)) totals[part] = (totals[part] ?? 0) + count;
  }
  return Object.fromEntries(Object.entries(totals).map(([part, total]) => [part, 1 / total]));
}

/** Losses add up in the order of the micro-batches. @param outputs - of the last stage */
export function summarize(
  outputs: StepGradients["outputs"],
  gradientNorm: number,
  stages: readonly StageTimes[],
): StepGradients {
  const sumOf = (name: string) => outputs.reduce((sum, each) => sum + each[name]!.data[0]!, 0);
  const parts = Object.keys(outputs[0] ?? {}).filter((name) => name.startsWith("loss."));
  return {
    loss: sumOf("loss"),
    parts: Object.fromEntries(parts.map((name) => [name.slice("loss.".length), sumOf(name)])),
    gradientNorm,
    outputs,
    stages,
  };
}
