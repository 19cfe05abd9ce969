/** @file What a batcher needs of a pipeline, whether its stages are processes or one thread of this one. */
import type { TokenBatch } from "@stagecoach/transformer";
import type { RunCost } from "./lengthGroups.ts";
import type { FrameTrace, ServedOutput, StageTiming } from "./microBatchFrames.ts";
import type { SendOne } from "./turns.ts";

export type MicroBatchResult = {
  /** `[B, E]` for sentence vectors, `[T, D]` for token vectors. */
  readonly shape: readonly number[];
  readonly data: Float32Array;
  readonly timings: readonly StageTiming[];
  readonly replica: number;
  /** Of a micro-batch that the last stage has recorded: when the result was handed to the link, in Unix milliseconds by the sender's clock. */
  readonly sentAt?: number;
};

/** What goes with a micro-batch. */
export type Delivery = {
  /** How often this work was submitted before. */
  readonly attempt: number;
  /** Of a micro-batch that is recorded. */
  readonly trace?: FrameTrace;
};

export type SubmittedBatch = Delivery & {
  readonly batch: TokenBatch;
  readonly output: ServedOutput;
};

export interface PipelinePort {
  readonly numStages: number;
  /** Micro-batches that a stage works on at a time. */
  readonly numLanes: number;
  /** Micro-batches that can be submitted now without waiting in a link. */
  readonly freeSlots: number;
  /** What a run costs over all stages; undefined until a pipeline has measured it. */
  readonly runCost: RunCost | undefined;
  /** The stage that is lost, or seems to be stuck; null while all work. */
  readonly missingStage: number | null;
  /**
   * @throws StageLostError when the pipeline breaks: submit it again · StageFailureError when a stage's engine fails on it
   */
  submit(batch: TokenBatch, output: ServedOutput, delivery: Delivery): Promise<MicroBatchResult>;
  /** Take turns in filling the pipeline whenever `freeSlots` may have grown. @returns how to leave */
  onFree(sendOne: SendOne): () => void;
}
