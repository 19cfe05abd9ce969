/**
 * @file Both ends of an engine's thread: whoever owns an engine keeps it off the threads that serve sockets.
 *
 * The owner calls methods by name; the thread does one call after another. Large arrays move between the two without being
 * copied: whoever sends one gives it away. An engine blocks its thread while it computes, and terminating a thread inside
 * onnxruntime aborts the process: so the thread ends only by itself, after `stop`, between two calls.
 */
import { parentPort, Worker } from "node:worker_threads";
import type { EngineName } from "./engines.ts";
import { setOnnxRuntimeEnvironment } from "./onnxRuntimeEnvironment.ts";
import { setTensorflowEnvironment } from "./tensorflowEnvironment.ts";

/** An error of the engine's thread, with the class name and code that it had there. */
export class EngineThreadError extends Error {
  override readonly name: string;
  readonly code: string;

  constructor({ name, code, message }: { readonly name: string; readonly code: string; readonly message: string }) {
    super(message);
    this.name = name;
    this.code = code;
  }
}

type Request = { readonly id: number; readonly method: string; readonly argument: unknown };
type Reply =
  | { readonly id: number; readonly ok: true; readonly result: unknown }
  | {
      readonly id: number;
      readonly ok: false;
      readonly error: { readonly name: string; readonly code: string; readonly message: string };
    };

type Pending = { readonly resolve: (result: unknown) => void; readonly reject: (error: Error) => void };

/** Arrays below this size are copied, which is as fast. */
const MIN_TRANSFER_BYTES = 32 * 1024;
const STOP = "stop";

const transferable = (arrays: readonly ArrayBufferView[]): ArrayBuffer[] => [
  ...new Set(
    arrays.filter(({ byteLength }) => byteLength >= MIN_TRANSFER_BYTES).map(({ buffer }) => buffer as ArrayBuffer),
  ),
];

export class EngineThread {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #startedAt: number | null = null;
  #endedBy: Error | null = null;
  #settleEnded: (error: Error) => void = () => {};
  /** Resolves when the thread has ended, asked to or not, with what it ended by. Nothing can be asked of it then. */
  readonly ended = new Promise<Error>((resolve) => (this.#settleEnded = resolve));

  /**
   * Native libraries read settings when they are loaded, from the process and not from a thread: they are set before it starts.
   * @param main - the thread's program, which calls `serveEngineThread`
   */
  constructor(main: URL, { engine, threads }: { readonly engine: EngineName; readonly threads: number }) {
    if (engine.startsWith("tfjs")) setTensorflowEnvironment({ threads });
    if (engine === "onnxruntime") setOnnxRuntimeEnvironment();
    this.#worker = new Worker(main);
    this.#worker.on("message", (message: Reply) => this.#settle(message));
    this.#worker.on("error", (error) => this.#fail(error instanceof Error ? error : new Error(String(error))));
    this.#worker.on("exit", (code) => this.#fail(new Error(`the engine thread ended with code ${code}`)));
  }

  /** Milliseconds for which the thread has been busy with its oldest call; 0 when it has none. */
  get runningMs(): number {
    return this.#startedAt === null ? 0 : performance.now() - this.#startedAt;
  }

  /**
   * @param arrays - what of the argument is given away
   * @throws EngineThreadError with the code of what went wrong
   */
  call(method: string, argument: unknown, arrays: readonly ArrayBufferView[] = []): Promise<unknown> {
    const id = this.#nextId++;
    if (this.#endedBy !== null) return Promise.reject(this.#endedBy);
    return new Promise((resolve, reject) => {
      const request: Request = { id, method, argument };
      this.#worker.postMessage(request, transferable(arrays));
      if (this.#pending.size === 0) this.#startedAt = performance.now();
      this.#pending.set(id, { resolve, reject });
    });
  }

  /** Finish what was asked, give the engine's memory back, end the thread. */
  async stop(): Promise<void> {
    if (this.#endedBy === null) await this.call(STOP, null);
    await this.ended;
  }

  #settle(message: Reply): void {
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    this.#startedAt = this.#pending.size === 0 ? null : performance.now();
    if (message.ok) pending?.resolve(message.result);
    else pending?.reject(new EngineThreadError(message.error));
  }

  #fail(error: Error): void {
    this.#endedBy ??= error;
    this.#settleEnded(error);
    this.#startedAt = null;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}

/** What a method gives back, and which arrays of it are given away. */
export type ThreadResult = { readonly result: unknown; readonly arrays?: readonly ArrayBufferView[] };

export type ThreadMethods = Readonly<Record<string, (argument: never) => Promise<ThreadResult>>>;

/**
 * The thread's program: answer calls in the order in which they came, until `stop`.
 * @param close - gives back what the methods hold; called once, before the thread ends
 */
export function serveEngineThread(methods: ThreadMethods, close: () => Promise<void>): void {
  if (parentPort === null) throw new Error("internal: this program runs as a worker thread");
  const port = parentPort;
  let queue: Promise<void> = Promise.resolve();
  const reply = (message: Reply, arrays: readonly ArrayBufferView[] = []) =>
    port.postMessage(message, transferable(arrays));

  const perform = async ({ method, argument }: Request): Promise<ThreadResult> => {
    if (method === STOP) return close().then(() => ({ result: null }));
    const found = Object.hasOwn(methods, method) ? methods[method] : undefined;
    if (found === undefined) throw new Error(`internal: an engine thread has no method "${method}"`);
    return found(argument as never);
  };
  const answer = async (request: Request): Promise<void> => {
    try {
      const { result, arrays } = await perform(request);
      reply({ id: request.id, ok: true, result }, arrays);
      if (request.method === STOP) port.close();
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      const code = error instanceof Error && "code" in error ? String(error.code) : "internal";
      reply({ id: request.id, ok: false, error: { name, code, message } });
    }
  };
  port.on("message", (request: Request) => {
    queue = queue.then(() => answer(request));
  });
}
