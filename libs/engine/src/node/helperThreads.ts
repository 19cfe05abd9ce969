/**
 * @file Threads that do a part of what their owner does, on memory that all of them share, while it does its own.
 *
 * They start when they are first needed. What ends one of them by mistake fails that call and all later ones.
 */
import { parentPort, Worker } from "node:worker_threads";

export type HelperThreadsOptions = {
  /** Program of a thread, which calls `serveHelperThread`. */
  readonly main: URL;
  readonly count: number;
  /** What all of them are given at the start, as `workerData`. */
  readonly data?: unknown;
  /** For messages: "threads that make masks". */
  readonly what: string;
};

type Helper = { readonly worker: Worker; settle: ((error: Error | null) => void) | null };

export class HelperThreads<Request> {
  readonly #options: HelperThreadsOptions;
  #helpers: readonly Helper[] | null = null;
  #endedBy: Error | null = null;

  constructor(options: HelperThreadsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#options.count;
  }

  /**
   * Calls do not overlap.
   * @param requests - at most one for each thread
   * @throws Error what a thread or `own` ended by
   */
  async run(requests: readonly Request[], own: () => void): Promise<void> {
    if (this.#endedBy !== null) throw this.#endedBy;
    if (requests.length > this.count)
      throw new Error(`internal: ${requests.length} requests for ${this.count} ${this.#options.what}`);
    const helpers = (this.#helpers ??= Array.from({ length: this.count }, () => this.#start()));
    const others = requests.map((request, index) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const helper = helpers[index];
      helper.settle = (error) => (error === null ? resolve() : reject(error));
      helper.worker.postMessage(request, []);
      return promise;
    });
    // All have let go of the memory before anybody hears of a failure.
    const ends = await Promise.allSettled([...others, (async () => own())()]);
    const failed = ends.find((end) => end.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  async close(): Promise<void> {
    this.#endedBy ??= new Error(`internal: ${this.#options.what} had been closed when they were needed`);
    await Promise.all((this.#helpers ?? []).map(({ worker }) => worker.terminate()));
  }

  #start(): Helper {
    const { main, data, what } = this.#options;
    const helper: Helper = { worker: new Worker(main, { workerData: data }), settle: null };
    helper.worker.on("message", () => helper.settle?.(null));
    helper.worker.on("error", (error) => this.#fail(error instanceof Error ? error : new Error(String(error))));
    helper.worker.on("exit", (code) => this.#fail(new Error(`one of the ${what} ended with code ${code}`)));
    return helper;
  }

  #fail(error: Error): void {
    this.#endedBy ??= error;
    for (const { settle } of this.#helpers ?? []) settle?.(this.#endedBy);
  }
}

/** In such a thread: does one request after another. */
export function serveHelperThread(perform: (request: never) => void): void {
  if (parentPort === null) throw new Error("internal: this program runs as a worker thread");
  const port = parentPort;
  port.on("message", (request: unknown) => {
    perform(request as never);
    port.postMessage(null);
  });
}
