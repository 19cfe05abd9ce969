/**
 * @file The main thread's side of an engine thread (stageThreadMain.ts).
 *
 * Activations move between the threads without being copied: whoever sends an array gives it away.
 */
import { setTensorflowEnvironment, type EngineName } from "@stagecoach/engine/node";
import type { HiddenBatch, TokenBatch } from "@stagecoach/transformer";
import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import type { StageOutput, StageOutputKind } from "../stage.ts";
import type { LoadRequest, LoadResult, ThreadReply, ThreadRequest } from "./threadMessages.ts";

/** An error of the engine thread, with the class name and code that it had there. */
export class StageThreadError extends Error {
  override readonly name: string;
  readonly code: string;

  constructor({ name, code, message }: { readonly name: string; readonly code: string; readonly message: string }) {
    super(message);
    this.name = name;
    this.code = code;
  }
}

type Pending = {
  readonly resolve: (result: LoadResult | StageOutput | null) => void;
  readonly reject: (error: Error) => void;
};

/** Arrays below this size are copied, which is as fast. */
const MIN_TRANSFER_BYTES = 32 * 1024;

export class StageThread {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #startedAt: number | null = null;
  #endedBy: Error | null = null;
  #settleEnded: (error: Error) => void = () => {};
  /** Resolves when the thread has ended, asked to or not, with what it ended by. Nothing can be asked of it then. */
  readonly ended = new Promise<Error>((resolve) => (this.#settleEnded = resolve));

  /** TensorFlow reads its settings when it is loaded, from the process and not from a thread: they are set before the thread starts. */
  constructor({ engine, threads }: { readonly engine: EngineName; readonly threads: number }) {
    if (engine.startsWith("tfjs")) setTensorflowEnvironment({ threads });
    // The file has the ending of this one: .ts in a checkout, .js in a published package.
    this.#worker = new Worker(new URL(`./stageThreadMain${extname(import.meta.url)}`, import.meta.url));
    this.#worker.on("message", (message: ThreadReply) => this.#settle(message));
    this.#worker.on("error", (error) => this.#fail(error instanceof Error ? error : new Error(String(error))));
    this.#worker.on("exit", (code) => this.#fail(new Error(`the engine thread ended with code ${code}`)));
  }

  /** Milliseconds for which the thread has been busy with its oldest request; 0 when it has none. */
  get runningMs(): number {
    return this.#startedAt === null ? 0 : performance.now() - this.#startedAt;
  }

  /** @throws StageThreadError with the code of what went wrong */
  async load(load: LoadRequest): Promise<LoadResult> {
    return (await this.#request((id) => ({ kind: "load", id, load }))) as LoadResult;
  }

  /** Run one micro-batch. Its large arrays are given away. */
  async run(batch: TokenBatch | HiddenBatch, output: StageOutputKind): Promise<StageOutput> {
    const arrays = "hidden" in batch ? [batch.hidden] : [batch.inputIds, batch.tokenTypeIds];
    return (await this.#request((id) => ({ kind: "run", id, batch, output }), arrays)) as StageOutput;
  }

  /** Finish what was asked, give the engine's memory back, end the thread. */
  async stop(): Promise<void> {
    if (this.#endedBy === null) await this.#request((id) => ({ kind: "stop", id }));
    await this.ended;
  }

  #request(
    build: (id: number) => ThreadRequest,
    arrays: readonly ArrayBufferView[] = [],
  ): Promise<LoadResult | StageOutput | null> {
    const id = this.#nextId++;
    const owned = arrays
      .filter(({ byteLength }) => byteLength >= MIN_TRANSFER_BYTES)
      .map(({ buffer }) => buffer as ArrayBuffer);
    if (this.#endedBy !== null) return Promise.reject(this.#endedBy);
    return new Promise((resolve, reject) => {
      this.#worker.postMessage(build(id), [...new Set(owned)]);
      if (this.#pending.size === 0) this.#startedAt = performance.now();
      this.#pending.set(id, { resolve, reject });
    });
  }

  #settle(message: ThreadReply): void {
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    this.#startedAt = this.#pending.size === 0 ? null : performance.now();
    if (message.ok) pending?.resolve(message.result);
    else pending?.reject(new StageThreadError(message.error));
  }

  #fail(error: Error): void {
    this.#endedBy ??= error;
    this.#settleEnded(error);
    this.#startedAt = null;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}
