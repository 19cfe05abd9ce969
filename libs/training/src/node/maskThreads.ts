/**
 * @file Dropout masks made by several threads in memory that they share with the engine's.
 *
 * Just before they are needed, not ahead: a run of the engine takes all of a stage's threads, so that masks which are made
 * meanwhile cost as much as they would on their own. Divided over the threads, they take a part of the time.
 */
import { BufferPool } from "@stagecoach/engine";
import { HelperThreads, programBeside } from "@stagecoach/engine/node";
import { DropoutMasks, type MaskBatch, type MaskRequest } from "../stage/dropoutMasks.ts";
import type { MaskMaker } from "../stage/maskMaker.ts";

export type MaskThreadRequest = { readonly requests: readonly MaskRequest[]; readonly batch: MaskBatch };

export class MaskThreads implements MaskMaker {
  readonly memory = new BufferPool({ isShared: true });
  readonly #own: DropoutMasks;
  readonly #helpers: HelperThreads<MaskThreadRequest>;

  /** @param threads - this one and others, at least one in all */
  constructor(seed: number, threads: number) {
    this.#own = new DropoutMasks(seed);
    const main = programBeside(import.meta.url, "maskThreadMain");
    this.#helpers = new HelperThreads({ main, count: threads - 1, data: seed, what: "threads that make masks" });
  }

  /** Calls do not overlap. @throws Error what a thread ended by */
  make(requests: readonly MaskRequest[], batch: MaskBatch): Promise<void> {
    const [own, ...others] = evenShares(requests, this.#helpers.count + 1);
    return this.#helpers.run(
      others.map((share) => ({ requests: share, batch })),
      () => this.#own.fillAll(own!, batch),
    );
  }

  close(): Promise<void> {
    this.memory.clear();
    return this.#helpers.close();
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
