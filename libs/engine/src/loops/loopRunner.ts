/**
 * @file Who runs loops: this thread, or several (node/loopThreads.ts).
 *
 * Loops are run block by block. Sums are kept per block and added up in the order of the blocks, so that the bytes of a result do
 * not depend on how many threads there are.
 */
import { encodeLoop } from "./encodeLoop.ts";
import type { Loop } from "./loopGraph.ts";
import type { LoopProgram } from "./loopProgram.ts";

/** Values of a block: small enough for all arrays of one to stay in the cache of a core, large enough that a call costs nothing. */
const BLOCK = 4096;
const BLOCK_BYTES = BLOCK * Float32Array.BYTES_PER_ELEMENT;

/** A loop over some of its blocks. */
export type LoopTask = {
  /** LoopProgram as JSON. */
  readonly program: string;
  readonly size: number;
  /** Inputs and outputs, `size` values each. An output may be an input, in place. */
  readonly arrays: readonly Float32Array[];
  readonly scalars: readonly number[];
  /** `[blocks, numSums]` */
  readonly sums: Float64Array;
  readonly firstBlock: number;
  readonly endBlock: number;
};

export interface LoopRunner {
  /** Memory that this runner can work on with all of its threads. */
  allocate(bytes: number): ArrayBufferLike;
  run(tasks: readonly LoopTask[]): Promise<void>;
  close(): Promise<void>;
}

/** Runs them in the thread that asks. */
export class LocalLoops implements LoopRunner {
  allocate(bytes: number): ArrayBufferLike {
    return new ArrayBuffer(bytes);
  }

  run(tasks: readonly LoopTask[]): Promise<void> {
    for (const task of tasks) runLoop(task);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

export const numBlocks = (size: number): number => Math.ceil(size / BLOCK);

/** A loop over all of its blocks, but for what a run gives: its arrays and scalars. */
export function wholeLoop({ program, size }: Loop, sums: Float64Array): Omit<LoopTask, "arrays" | "scalars"> {
  return { program: JSON.stringify(program), size, sums, firstBlock: 0, endBlock: numBlocks(size) };
}

/**
 * Shares of about as many values each, in as few parts as that allows: large loops first, cut where a share is full.
 * The last share has the many small ones.
 */
export function shareLoops(tasks: readonly LoopTask[], numShares: number): LoopTask[][] {
  const shares = Array.from({ length: numShares }, (): LoopTask[] => []);
  const total = tasks.reduce((sum, task) => sum + task.endBlock - task.firstBlock, 0);
  let done = 0;
  for (const task of tasks.toSorted((a, b) => b.size - a.size)) {
    for (let first = task.firstBlock; first < task.endBlock;) {
      const share = Math.floor((done * numShares) / total);
      const end = Math.min(task.endBlock, first + Math.ceil(((share + 1) * total) / numShares) - done);
      shares[share].push({ ...task, firstBlock: first, endBlock: end });
      done += end - first;
      first = end;
    }
  }
  return shares;
}

const kernels = new Map<string, LoopKernel>();

export function runLoop(task: LoopTask): void {
  const kernel = kernels.get(task.program) ?? new LoopKernel(JSON.parse(task.program) as LoopProgram);
  kernels.set(task.program, kernel);
  for (let block = task.firstBlock; block < task.endBlock; block++) kernel.run(task, block);
}

declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (module: object) => { readonly exports: Readonly<Record<string, unknown>> };
};

/** A program, compiled, with memory for one block of each array. */
class LoopKernel {
  readonly #numInputs: number;
  readonly #run: (bytes: number, ...scalars: readonly number[]) => void;
  readonly #arrays: readonly Float32Array[];
  readonly #sums: Float64Array;

  constructor(program: LoopProgram) {
    const { numInputs, outputs, sums } = program;
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(encodeLoop(program, BLOCK_BYTES)));
    const { buffer } = exports["memory"] as { readonly buffer: ArrayBuffer };
    const numArrays = numInputs + outputs.length;
    this.#numInputs = numInputs;
    this.#run = exports["run"] as (bytes: number, ...scalars: readonly number[]) => void;
    this.#arrays = Array.from(
      { length: numArrays },
      (_, index) => new Float32Array(buffer, index * BLOCK_BYTES, BLOCK),
    );
    this.#sums = new Float64Array(buffer, numArrays * BLOCK_BYTES, sums.length);
  }

  run({ size, arrays, scalars, sums }: LoopTask, block: number): void {
    const start = block * BLOCK;
    const count = Math.min(BLOCK, size - start);
    arrays.forEach((array, index) => {
      if (index < this.#numInputs) this.#arrays[index].set(array.subarray(start, start + count));
    });
    this.#run(count * Float32Array.BYTES_PER_ELEMENT, ...scalars);
    arrays.forEach((array, index) => {
      if (index < this.#numInputs) return;
      array.set(count === BLOCK ? this.#arrays[index] : this.#arrays[index].subarray(0, count), start);
    });
    sums.set(this.#sums, block * this.#sums.length);
  }
}
