/**
 * @file Dropout masks made by several threads in memory that they share with the engine's.
 *
 * Just before they are needed, not ahead: a run of the engine takes all of a stage's threads, so that masks which are made
 * meanwhile cost as much as they would on their own. Divided over the threads, they take a part of the time.
 */
import { BufferPool } from "@stagecoach/engine";
import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { DropoutMasks, type MaskBatch, type MaskRequest } from "../stage/dropoutMasks.ts";
import type { MaskMaker } from "../stage/maskMaker.ts";

export type MaskThreadRequest = { readonly requests: readonly MaskRequest[]; readonly batch: MaskBatch };

type Helper = { readonly worker: Worker; settle: ((error: Error | null) => void) | null };

export class MaskThreads implements MaskMaker {
  readonly memory = new BufferPool({ isShared: true });
  readonly #own: DropoutMasks;
  readonly #helpers: readonly Helper[];
  #endedBy: Error | null = null;

  /** @param threads - this one and others, at least one in all */
  constructor(seed: number, threads: number) {
    this.#own = new DropoutMasks(seed);
    // The file has the ending of this one: .ts in a checkout, .js in a published package.
    const main = new URL(`./maskThreadMain${extname(import.meta.url)}`, import.meta.url);
    this.#helpers = Array.from({ length: threads - 1 }, () => this.#start(main, seed));
  }

  /** Calls do not overlap. @throws Error what a thread ended by */
  async make(requests: readonly MaskRequest[], batch: MaskBatch): Promise<void> {
    if (this.#endedBy !== null) throw this.#endedBy;
    const [own, ...shares] = evenShares(requests, this.#helpers.length + 1);
    const others = this.#helpers.map((helper, index) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      helper.settle = (error) => (error === null ? resolve() : reject(error));
      const request: MaskThreadRequest = { requests: shares[index]!, batch };
      helper.worker.postMessage(request, []);
      return promise;
    });
    await Promise.all([...others, this.#fill(own!, batch)]);
  }

  async close(): Promise<void> {
    this.#endedBy ??= new Error("internal: masks were asked for after the threads that make them had been closed");
    this.memory.clear();
    await Promise.all(this.#helpers.map(({ worker }) => worker.terminate()));
  }

  async #fill(requests: readonly MaskRequest[], batch: MaskBatch): Promise<void> {
    this.#own.fillAll(requests, batch);
  }

  #start(main: URL, seed: number): Helper {
    const helper: Helper = { worker: new Worker(main, { workerData: seed }), settle: null };
    helper.worker.on("message", () => helper.settle?.(null));
    helper.worker.on("error", (error) => this.#fail(error instanceof Error ? error : new Error(String(error))));
    helper.worker.on("exit", (code) => this.#fail(new Error(`a thread that makes masks ended with code ${code}`)));
    return helper;
  }

  #fail(error: Error): void {
    this.#endedBy ??= error;
    for (const { settle } of this.#helpers) settle?.(this.#endedBy);
  }
}

/** Largest first, each to whoever has least. */
function evenShares(requests: readonly MaskRequest[], count: number): MaskRequest[][] {
  const shares = Array.from({ length: count }, (): { size: number; requests: MaskRequest[] } => ({
    size: 0,
    requests: [],
  }));
  for (const request of requests.toSorted((a, b) => b.into.length - a.into.length)) {
    const least = shares.reduce((a, b) => (b.size < a.size ? b : a));
    least.requests.push(request);
    least.size += request.into.length;
  }
  return shares.map((share) => share.requests);
}
