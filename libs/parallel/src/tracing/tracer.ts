/**
 * @file Spans, as a pipeline makes them. Whoever starts a process hands a tracer in (node/tracing has OpenTelemetry's); without one nothing is made.
 *
 * A span is named across processes by its W3C `traceparent` (https://www.w3.org/TR/trace-context/), which frames carry. Whether a request is
 * recorded is decided once, where it comes in: who holds a traceparent of it records all of its part.
 */

export type SpanAttributes = Readonly<Record<string, string | number>>;

export type SpanStart = {
  /** The traceparent of the span that this one is a part of. */
  readonly parent: string;
  /** Milliseconds of the process's monotonic clock, as all times here. */
  readonly startMs: number;
  /** `internal` when left out; a producer hands work to a consumer, often in another process. */
  readonly kind?: "internal" | "producer" | "consumer";
  /** Traceparents of spans that belong to it besides its parent. */
  readonly links?: readonly string[];
  readonly attributes?: SpanAttributes;
};

export interface TraceSpan {
  readonly traceparent: string;
  /** Once. @param end.error - what it failed by; its message becomes part of the span */
  end(endMs: number, end?: { readonly error?: Error; readonly attributes?: SpanAttributes }): void;
}

export interface Tracer {
  start(name: string, span: SpanStart): TraceSpan;
  /** The time of day, in Unix milliseconds, of a time of the monotonic clock. */
  unixMs(monotonicMs: number): number;
  /** The reverse. */
  monotonicMs(unixMs: number): number;
}

/** A request that is recorded. */
export type RequestTrace = {
  readonly tracer: Tracer;
  /** Of the request's own span. */
  readonly traceparent: string;
};

/** A part of a request that is over. */
export function recordPart(
  { tracer, traceparent }: RequestTrace,
  name: string,
  part: { readonly startMs: number; readonly endMs: number; readonly attributes?: SpanAttributes },
): void {
  const { startMs, endMs, attributes = {} } = part;
  tracer.start(name, { parent: traceparent, startMs, attributes }).end(endMs);
}

type Passage = {
  readonly parent: string;
  readonly from: string;
  readonly to: string;
  /** Unix milliseconds by the sender's clock. */
  readonly sentAt: number;
  readonly receivedMs: number;
};

/** The way of a frame over a link. The clocks of two machines differ: a frame that came before it was sent took no time. */
export function recordPassage(tracer: Tracer, { parent, from, to, sentAt, receivedMs }: Passage): void {
  const sentMs = tracer.monotonicMs(sentAt);
  const isSkewed = sentMs > receivedMs;
  tracer
    .start("link", {
      parent,
      startMs: isSkewed ? receivedMs : sentMs,
      attributes: {
        "stagecoach.link.from": from,
        "stagecoach.link.to": to,
        ...(isSkewed ? { "stagecoach.clock_skew_ms": sentMs - receivedMs } : {}),
      },
    })
    .end(receivedMs);
}
