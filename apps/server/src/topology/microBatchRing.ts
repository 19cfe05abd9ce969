/**
 * @file The last micro-batches that came back from the pipelines, with the times at which each stage had them.
 *
 * This is on the way of every request: what is known anyway is kept by reference, and computed when somebody asks. Results are not
 * kept, and what was lost with a stage or failed in one is not seen.
 */
import type { MicroBatchReport } from "@stagecoach/parallel";

/** Times in Unix milliseconds; those of a stage by the clock of its machine, the others by the gateway's. */
export type SeenMicroBatch = {
  /** Counts all that came back, from 1. */
  readonly number: number;
  readonly model: string;
  readonly replica: number;
  readonly texts: number;
  readonly tokens: number;
  /** When the text of it that has waited longest was queued. */
  readonly queuedAt: number;
  readonly sentAt: number;
  readonly receivedAt: number;
  /** In the order of the stages. */
  readonly stages: readonly { readonly stage: number; readonly startedAt: number; readonly endedAt: number }[];
};

type Kept = Pick<MicroBatchReport, "texts" | "tokens" | "queueMs" | "inferenceMs"> &
  Pick<MicroBatchReport["result"], "timings" | "replica"> & {
    readonly number: number;
    readonly model: string;
    readonly receivedAt: number;
  };

export class MicroBatchRing {
  readonly capacity: number;
  readonly #kept: Kept[] = [];
  readonly #unixNow: () => number;
  #numSeen = 0;

  /** @param options.capacity - most that are kept: some seconds of a busy server, and less than a megabyte */
  constructor({ capacity = 512, unixNow }: { readonly capacity?: number; readonly unixNow: () => number }) {
    this.capacity = capacity;
    this.#unixNow = unixNow;
  }

  /** To be called when the result is there. */
  add(model: string, { texts, tokens, queueMs, inferenceMs, result }: MicroBatchReport): void {
    const { timings, replica } = result;
    const receivedAt = this.#unixNow();
    const number = this.#numSeen + 1;
    this.#kept[this.#numSeen % this.capacity] = {
      number,
      model,
      texts,
      tokens,
      queueMs,
      inferenceMs,
      timings,
      replica,
      receivedAt,
    };
    this.#numSeen = number;
  }

  /** Those whose results came after `unixMs`, the oldest first, and whether they are all that there were. */
  since(unixMs: number): { readonly microBatches: readonly SeenMicroBatch[]; readonly isComplete: boolean } {
    const first = this.#numSeen % this.capacity;
    const inOrder = [...this.#kept.slice(first), ...this.#kept.slice(0, first)];
    const asked = inOrder.filter(({ receivedAt }) => receivedAt > unixMs);
    const isComplete = asked.length < inOrder.length || this.#numSeen <= this.capacity;
    return { microBatches: asked.map(seen), isComplete };
  }
}

function seen({ queueMs, inferenceMs, timings, receivedAt, ...facts }: Kept): SeenMicroBatch {
  const sentAt = receivedAt - inferenceMs;
  const stages = timings.map(({ stage, startedAt, busyMs }) => ({ stage, startedAt, endedAt: startedAt + busyMs }));
  return { ...facts, queuedAt: sentAt - Math.max(0, ...queueMs), sentAt, receivedAt, stages };
}
