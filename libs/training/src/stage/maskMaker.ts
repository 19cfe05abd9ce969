/**
 * @file Who makes the dropout masks of a stage, and keeps their memory: this thread, or several (node/maskThreads.ts).
 *
 * The masks of a step are hundreds of megabytes; fresh memory of that size would cost more than the draws.
 */
import { BufferPool } from "@stagecoach/engine";
import { DropoutMasks, type MaskBatch, type MaskOptions } from "./dropoutMasks.ts";

export type MaskRequest = MaskOptions & {
  /** Name of the graph's input. */
  readonly site: string;
  /** What `take` gave, to be filled. */
  readonly into: Float32Array;
};

export interface MaskMaker {
  /** Memory for so many values; they are whatever was there before. */
  take(size: number): Float32Array;
  /** @param mask - what `take` gave; nobody may use it afterwards */
  giveBack(mask: Float32Array): void;
  /** Fills all masks of a micro-batch: the same values whoever makes them. */
  make(requests: readonly MaskRequest[], batch: MaskBatch): Promise<void>;
  close(): Promise<void>;
}

/** Makes them in the thread that asks. */
export class LocalMaskMaker implements MaskMaker {
  readonly #masks: DropoutMasks;
  readonly #pool = new BufferPool();

  constructor(seed: number) {
    this.#masks = new DropoutMasks(seed);
  }

  take(size: number): Float32Array {
    return this.#pool.take(size);
  }

  giveBack(mask: Float32Array): void {
    this.#pool.giveBack(mask);
  }

  make(requests: readonly MaskRequest[], batch: MaskBatch): Promise<void> {
    for (const { site, ...options } of requests) this.#masks.fill(site, batch, options);
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#pool.clear();
    return Promise.resolve();
  }
}
