/** @file A pipeline of one stage in this process: what a program gets that uses the library without a server. */
import type { TokenBatch } from "@stagecoach/transformer";
import { StageFailureError } from "./errors.ts";
import type { RunCost } from "./lengthGroups.ts";
import type { ServedOutput } from "./microBatchFrames.ts";
import type { MicroBatchResult, PipelinePort } from "./pipelinePort.ts";
import type { TimedOutput } from "./stage.ts";
import { Turns, type SendOne } from "./turns.ts";

export class SingleStagePipeline implements PipelinePort {
  readonly numStages = 1;
  readonly numLanes: number;
  readonly missingStage = null;
  readonly runCost: RunCost;
  readonly #run: (batch: TokenBatch, output: ServedOutput) => Promise<TimedOutput>;
  #inFlight = 0;
  readonly #turns = new Turns();

  /** @param run - does `numLanes` micro-batches at a time */
  constructor(
    run: (batch: TokenBatch, output: ServedOutput) => Promise<TimedOutput>,
    { runCost, numLanes }: { readonly runCost: RunCost; readonly numLanes: number },
  ) {
    this.#run = run;
    this.runCost = runCost;
    this.numLanes = numLanes;
  }

  /** While every lane has a micro-batch, the next one is being handed over. */
  get freeSlots(): number {
    return this.numLanes + 1 - this.#inFlight;
  }

  async submit(batch: TokenBatch, output: ServedOutput): Promise<MicroBatchResult> {
    this.#inFlight++;
    try {
      const { shape, data, startedAt, busyMs } = await this.#run(batch, output);
      return { shape, data, timings: [{ stage: 0, startedAt, busyMs }], replica: 0 };
    } catch (cause) {
      throw new StageFailureError(0, cause instanceof Error ? cause.message : String(cause), { cause });
    } finally {
      this.#inFlight--;
      this.#turns.fill(() => this.freeSlots > 0);
    }
  }

  onFree(sendOne: SendOne): () => void {
    return this.#turns.join(sendOne);
  }
}
