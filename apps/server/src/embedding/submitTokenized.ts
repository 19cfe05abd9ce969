/** @file Tokens on their way through the pipeline, with what tokenizing, waiting and computing took, in the trace of a request too. */
import { recordPart, type Batcher, type BatchRequest, type TokenizedText } from "@stagecoach/parallel";

export type Timings = { readonly tokenizationMs: number; readonly queueMs: number; readonly inferenceMs: number };

export type Tokenized = {
  readonly texts: readonly TokenizedText[];
  readonly numTokens: number;
  readonly numTruncated: number;
};

type Submission = Omit<BatchRequest, "texts"> & {
  /** Texts of the request, where the pipeline gets one several times. */
  readonly numTexts?: number;
  /** When tokenizing began, by `now`. */
  readonly started: number;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
};

/** @throws what Batcher.submit throws */
export async function submitTokenized(
  batcher: Batcher,
  { texts, numTokens, numTruncated }: Tokenized,
  { numTexts = texts.length, started: startMs, now, ...request }: Submission,
): Promise<{ readonly vectors: readonly Float32Array[]; readonly timings: Timings }> {
  const endMs = now();
  const { trace } = request;
  if (trace !== undefined) {
    const attributes = {
      "stagecoach.texts": numTexts,
      "stagecoach.tokens": numTokens,
      "stagecoach.truncated_texts": numTruncated,
    };
    recordPart(trace, "tokenize", { startMs, endMs, attributes });
  }
  const { vectors, queueMs, inferenceMs } = await batcher.submit({ texts, ...request });
  return { vectors, timings: { tokenizationMs: endMs - startMs, queueMs, inferenceMs } };
}
