/** @file A stage in a thread of its own (stageThreadMain.ts), as its owner calls it. */
import { EngineThread, programBeside, type EngineName } from "@stagecoach/engine/node";
import type { HiddenBatch, TokenBatch } from "@stagecoach/transformer";
import type { StageOutputKind, TimedOutput } from "../stage.ts";
import type { LoadRequest, LoadResult, RunRequest, StageWidth } from "./threadMessages.ts";

export class StageThread {
  readonly #thread: EngineThread;

  constructor(options: { readonly engine: EngineName; readonly threads: number }) {
    this.#thread = new EngineThread(programBeside(import.meta.url, "stageThreadMain"), options);
  }

  /** Resolves when the thread has ended, asked to or not, with what it ended by. */
  get ended(): Promise<Error> {
    return this.#thread.ended;
  }

  /** Milliseconds for which the thread has been busy with its oldest request; 0 when it has none. */
  get runningMs(): number {
    return this.#thread.runningMs;
  }

  /** @throws EngineThreadError with the code of what went wrong */
  async load(load: LoadRequest): Promise<LoadResult> {
    return (await this.#thread.call("load", load)) as LoadResult;
  }

  /** Give back what was loaded under a number. */
  async unload(model: number): Promise<void> {
    await this.#thread.call("unload", model);
  }

  /** Run one micro-batch. Its large arrays are given away. */
  async run(
    batch: TokenBatch | HiddenBatch,
    output: StageOutputKind,
    options: { readonly model?: number; readonly width?: StageWidth } = {},
  ): Promise<TimedOutput> {
    const arrays = "hidden" in batch ? [batch.hidden] : [batch.inputIds, batch.tokenTypeIds];
    const request: RunRequest = { batch, output, ...options };
    return (await this.#thread.call("run", request, arrays)) as TimedOutput;
  }

  /** Finish what was asked, give the engine's memory back, end the thread. */
  stop(): Promise<void> {
    return this.#thread.stop();
  }
}
