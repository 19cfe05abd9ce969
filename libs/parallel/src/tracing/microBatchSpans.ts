/**
 * @file Spans of a micro-batch on the gateway's side: its texts' waiting, its way through the pipeline, and what joins requests that share it.
 *
 * A micro-batch has texts of several requests, and a span one parent. As OpenTelemetry's messaging conventions have it for batches, the others are
 * links: the micro-batch is a child of the first request in it that is recorded, with a link to each of the others, and each of these has a span
 * of its own with a link to the micro-batch. A request that is alone has everything in one trace without links.
 */
import type { MicroBatchResult } from "../pipelinePort.ts";
import { recordPart, recordPassage, type RequestTrace, type TraceSpan } from "./tracer.ts";

/** What a micro-batch has of one request. */
export type TracedShare = {
  readonly trace: RequestTrace;
  readonly numTexts: number;
  /** Since when the oldest of them waits. */
  readonly waitsSince: number;
};

export type MicroBatchFacts = {
  readonly sentMs: number;
  /** How often its texts were given to a pipeline before. */
  readonly attempt: number;
  readonly texts: number;
  readonly tokens: number;
  /** Also those that are not recorded. */
  readonly requests: number;
};

export class MicroBatchSpans {
  readonly #first: RequestTrace;
  readonly #span: TraceSpan;
  /** In the traces of the other requests. */
  readonly #shared: readonly TraceSpan[];

  /** @param shares - of requests that are recorded, at least one */
  constructor(shares: readonly [TracedShare, ...TracedShare[]], facts: MicroBatchFacts) {
    const { sentMs, attempt, texts, tokens, requests } = facts;
    const [{ trace: first }, ...others] = shares;
    for (const { trace, numTexts, waitsSince } of shares) {
      const attributes = { "stagecoach.texts": numTexts, "stagecoach.attempt": attempt };
      recordPart(trace, "queue", { startMs: waitsSince, endMs: sentMs, attributes });
    }
    this.#first = first;
    this.#span = first.tracer.start("micro-batch", {
      parent: first.traceparent,
      startMs: sentMs,
      kind: "producer",
      links: others.map(({ trace }) => trace.traceparent),
      attributes: {
        "stagecoach.texts": texts,
        "stagecoach.tokens": tokens,
        "stagecoach.requests": requests,
        "stagecoach.attempt": attempt,
      },
    });
    this.#shared = others.map(({ trace, numTexts }) =>
      trace.tracer.start("shared micro-batch", {
        parent: trace.traceparent,
        startMs: sentMs,
        links: [this.#span.traceparent],
        attributes: { "stagecoach.texts": numTexts, "stagecoach.attempt": attempt },
      }),
    );
  }

  /** What its frame carries. @param sentMs - when it is handed over */
  frameTrace(sentMs: number): { readonly traceparent: string; readonly sentAt: number } {
    return { traceparent: this.#span.traceparent, sentAt: this.#first.tracer.unixMs(sentMs) };
  }

  received({ replica, timings, sentAt }: MicroBatchResult, receivedMs: number): void {
    const from = `stage ${timings.at(-1)?.stage ?? 0}`;
    const { tracer } = this.#first;
    if (sentAt !== undefined)
      recordPassage(tracer, { parent: this.#span.traceparent, from, to: "gateway", sentAt, receivedMs });
    const attributes = { "stagecoach.replica": replica };
    for (const span of [this.#span, ...this.#shared]) span.end(receivedMs, { attributes });
  }

  failed(error: Error, endMs: number): void {
    const place = {
      ...("replica" in error && { replica: error.replica }),
      ...("stage" in error && { stage: error.stage }),
    };
    const attributes = Object.fromEntries(
      Object.entries(place).map(([name, value]) => [`stagecoach.${name}`, Number(value)]),
    );
    for (const span of [this.#span, ...this.#shared]) span.end(endMs, { error, attributes });
  }
}
