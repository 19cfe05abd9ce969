/** @file Work for a simulated pipeline, and a check of what comes back. */
import type { TokenBatch } from "@stagecoach/transformer";
import type { MicroBatchResult, PipelinePort } from "../pipelinePort.ts";
import { tracedVector } from "./fakeStageHost.ts";

export function batchOf(texts: readonly (readonly number[])[]): TokenBatch {
  const inputIds = Int32Array.from(texts.flat());
  return {
    lengths: Int32Array.from(texts, ({ length }) => length),
    inputIds,
    tokenTypeIds: Int32Array.from(inputIds, () => 0),
  };
}

/** How a promise ended, or that it has not. */
export type Outcome<T> = { value?: T; error?: unknown; endings: number };

export function watch<T>(promise: Promise<T>): Outcome<T> {
  const outcome: Outcome<T> = { endings: 0 };
  promise.then(
    (value) => {
      outcome.value = value;
      outcome.endings++;
    },
    (error: unknown) => {
      outcome.error = error;
      outcome.endings++;
    },
  );
  return outcome;
}

export type Work = { readonly texts: readonly (readonly number[])[]; readonly outcome: Outcome<MicroBatchResult> };

type Target = Pick<PipelinePort, "submit">;

/** Give a pipeline a micro-batch of these texts. */
export function give(target: Target, texts: readonly (readonly number[])[]): Work {
  return { texts, outcome: watch(target.submit(batchOf(texts), "sentence", { attempt: 0 })) };
}

/** The vectors that came back, one per text; undefined while there are none. */
export function vectorsOf({ texts, outcome: { value } }: Work): number[][] | undefined {
  if (value === undefined) return undefined;
  const width = value.shape[1]!;
  return texts.map((_, row) => [...value.data.subarray(row * width, (row + 1) * width)]);
}

/** What must come back. */
export const expectedOf = ({ texts }: Work, numStages: number): number[][] =>
  texts.map((ids) => tracedVector(ids, numStages));
