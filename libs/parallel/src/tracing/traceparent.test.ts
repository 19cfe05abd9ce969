/** Examples and rules of the W3C's Trace Context, level 1, sections 3.2 and 4. */
import { describe, expect, test } from "vitest";
import { formatTraceparent, parseTraceparent } from "./traceparent.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";

describe("parseTraceparent()", () => {
  test.each([
    ["the recommendation's example", `00-${traceId}-${spanId}-01`, true],
    ["one that is not sampled", `00-${traceId}-${spanId}-00`, false],
    ["flags that are not known yet", `00-${traceId}-${spanId}-03`, true],
    ["a version to come", `cc-${traceId}-${spanId}-01`, true],
    ["a version to come with more behind it", `cc-${traceId}-${spanId}-01-what-the-future-brings`, true],
  ])("reads %s", (_, text, isSampled) => {
    expect(parseTraceparent(text)).toEqual({ traceId, spanId, isSampled });
  });

  test.each([
    ["nothing", ""],
    ["another thing", "hello"],
    ["version ff", `ff-${traceId}-${spanId}-01`],
    ["a trace of zeros", `00-${"0".repeat(32)}-${spanId}-01`],
    ["a span of zeros", `00-${traceId}-${"0".repeat(16)}-01`],
    ["capitals", `00-${traceId.toUpperCase()}-${spanId}-01`],
    ["a short trace", `00-${traceId.slice(1)}-${spanId}-01`],
    ["no flags", `00-${traceId}-${spanId}`],
    ["more behind version 00", `00-${traceId}-${spanId}-01-more`],
    ["a line's end", `00-${traceId}-${spanId}-01\n`],
  ])("refuses %s", (_, text) => {
    expect(parseTraceparent(text)).toBeNull();
  });
});

test("formatTraceparent() writes what parseTraceparent() reads", () => {
  expect(formatTraceparent({ traceId, spanId, isSampled: true })).toBe(`00-${traceId}-${spanId}-01`);
  expect(formatTraceparent({ traceId, spanId, isSampled: false })).toBe(`00-${traceId}-${spanId}-00`);
});
