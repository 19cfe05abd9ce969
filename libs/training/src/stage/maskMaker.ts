/**
 * @file Who makes the dropout masks of a stage, and keeps their memory: this thread, or several (node/maskThreads.ts).
 *
 * The masks of a step are hundreds of megabytes; fresh memory of that size would cost more than the draws.
 */
import { BufferPool } from "@stagecoach/engine";
import { DropoutMasks, type MaskBatch, type MaskRequest } from "./dropoutMasks.ts";

export interface MaskMaker {
  /** Memory for masks: taken for a request, given back when nobody needs the mask any more. */
  readonly memory: BufferPool;
  /** Fills all masks of a micro-batch: the same values whoever makes them. */
  make(requests: readonly MaskRequest[], batch: MaskBatch): Promise<void>;
  close(): Promise<void>;
}

/** Makes them in the thread that asks. */
export class LocalMaskMaker implements MaskMaker {
  readonly memory = new BufferPool();
  readonly #masks: DropoutMasks;

  constructor(seed: number) {
    this.#masks = new DropoutMasks(seed);
  }

  make(requests: readonly MaskRequest[], batch: MaskBatch): Promise<void> {
    this.#masks.fillAll(requests, batch);
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.memory.clear();
    return Promise.resolve();
  }
}
