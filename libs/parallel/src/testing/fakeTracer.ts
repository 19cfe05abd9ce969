/** @file A tracer that keeps its spans, and has the time of day a million milliseconds ahead of the monotonic clock. */
import type { SpanAttributes, SpanStart, TraceSpan, Tracer } from "../tracing/tracer.ts";
import { formatTraceparent, parseTraceparent } from "../tracing/traceparent.ts";

export type FakeSpan = Omit<SpanStart, "attributes"> & {
  readonly name: string;
  readonly traceparent: string;
  attributes: SpanAttributes;
  /** Undefined while it goes on. */
  endMs?: number;
  error?: string;
};

export const AHEAD_MS = 1e6;

/** The traceparent of a request, by a number. */
export const requestNumber = (number: number): string =>
  formatTraceparent({ traceId: String(number).padStart(32, "0"), spanId: "f".repeat(16), isSampled: true });

export class FakeTracer implements Tracer {
  readonly spans: FakeSpan[] = [];

  start(name: string, start: SpanStart): TraceSpan {
    const { traceId } = parseTraceparent(start.parent)!;
    const spanId = String(this.spans.length + 1).padStart(16, "0");
    const traceparent = formatTraceparent({ traceId, spanId, isSampled: true });
    const span: FakeSpan = { attributes: {}, ...start, name, traceparent };
    this.spans.push(span);
    return {
      traceparent,
      end(endMs, { error, attributes } = {}) {
        span.attributes = { ...span.attributes, ...attributes };
        Object.assign(span, { endMs }, error === undefined ? {} : { error: error.message });
      },
    };
  }

  unixMs(monotonicMs: number): number {
    return monotonicMs + AHEAD_MS;
  }

  monotonicMs(unixMs: number): number {
    return unixMs - AHEAD_MS;
  }

  named(name: string): FakeSpan[] {
    return this.spans.filter((span) => span.name === name);
  }
}
