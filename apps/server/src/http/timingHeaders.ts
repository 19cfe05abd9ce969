/** @file The headers in which text-embeddings-inference says what a request cost, and ours about truncation. */
import type { Response } from "express";
import type { Timings } from "../embedding/submitTokenized.ts";

export type RequestCost = {
  readonly numTokens: number;
  readonly numTruncated: number;
  readonly characters: number;
  readonly timings: Timings;
  readonly totalMs: number;
};

/** Times are whole milliseconds, as there. `x-truncated-inputs` is ours: how many inputs were cut. */
export function setCostHeaders(response: Response, cost: RequestCost): void {
  const { timings } = cost;
  response.set({
    "x-compute-type": "cpu",
    "x-compute-characters": String(cost.characters),
    "x-compute-tokens": String(cost.numTokens),
    "x-compute-time": String(Math.round(cost.totalMs)),
    "x-total-time": String(Math.round(cost.totalMs)),
    "x-tokenization-time": String(Math.round(timings.tokenizationMs)),
    "x-queue-time": String(Math.round(timings.queueMs)),
    "x-inference-time": String(Math.round(timings.inferenceMs)),
    "x-truncated-inputs": String(cost.numTruncated),
  });
}
