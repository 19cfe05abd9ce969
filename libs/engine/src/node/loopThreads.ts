/** @file Loops divided over several threads, on memory that they share. */
import { runLoop, shareLoops, type LoopRunner, type LoopTask } from "../loops/loopRunner.ts";
import { HelperThreads } from "./helperThreads.ts";
import { programBeside } from "./programBeside.ts";

export class LoopThreads implements LoopRunner {
  readonly #helpers: HelperThreads<readonly LoopTask[]>;

  /** @param threads - this one and others, at least one in all */
  constructor(threads: number) {
    const main = programBeside(import.meta.url, "loopThreadMain");
    this.#helpers = new HelperThreads({ main, count: threads - 1, what: "threads that run loops" });
  }

  allocate(bytes: number): ArrayBufferLike {
    return this.#helpers.count === 0 ? new ArrayBuffer(bytes) : new SharedArrayBuffer(bytes);
  }

  /** What is not in shared memory stays in this thread. */
  async run(tasks: readonly LoopTask[]): Promise<void> {
    const [local, shareable] = [tasks.filter((task) => !isShared(task)), tasks.filter(isShared)];
    const shares = shareLoops(shareable, this.#helpers.count + 1);
    const own = [...shares.pop()!, ...local];
    // Small ones end up in the last share. Waking threads for little costs more than they do.
    const others = shares.filter((share) => share.length > 0);
    await this.#helpers.run(others, () => own.forEach(runLoop));
  }

  close(): Promise<void> {
    return this.#helpers.close();
  }
}

const isShared = ({ arrays, sums }: LoopTask): boolean =>
  [...arrays, sums].every(({ buffer }) => buffer instanceof SharedArrayBuffer);
