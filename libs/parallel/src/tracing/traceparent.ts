/** @file The W3C's `traceparent`: a span's name across processes (https://www.w3.org/TR/trace-context/, level 1). */

export type SpanId = {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  readonly isSampled: boolean;
};

/** Versions to come may have more behind what is known. */
const PATTERN = /^(?!ff)([\da-f]{2})-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(-.*)?$/;
const SAMPLED = 1;

/** @returns null for what is no traceparent */
export function parseTraceparent(text: string): SpanId | null {
  const [, version, traceId, spanId, flags, more] = PATTERN.exec(text) ?? [];
  if (traceId === undefined || spanId === undefined || (version === "00" && more !== undefined)) return null;
  return { traceId, spanId, isSampled: (parseInt(flags!, 16) & SAMPLED) === SAMPLED };
}

export function formatTraceparent({ traceId, spanId, isSampled }: SpanId): string {
  return `00-${traceId}-${spanId}-${isSampled ? "01" : "00"}`;
}
