import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import { describe, expect, test } from "vitest";
import { toldExporter } from "./openExporter.ts";
import { startTracing } from "./startTracing.ts";

const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
const client = (flags: string) => `00-${trace}-00f067aa0ba902b7-${flags}`;

/** Nobody listens there, and nothing is sent: no span of these tests ends. */
async function tracerWith(env: Readonly<Record<string, string>>) {
  const tracing = await startTracing(
    { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1", ...env },
    { serviceName: "test", attributes: {}, log: () => {} },
  );
  return tracing!.tracer;
}

describe("whether a request is recorded", () => {
  test.each([
    ["parentbased_always_on", "", [true, true, false]],
    ["parentbased_always_off", "", [false, true, false]],
    ["always_on", "", [true, true, true]],
    ["always_off", "", [false, false, false]],
    ["traceidratio", "0", [false, false, false]],
    ["parentbased_traceidratio", "0", [false, true, false]],
    ["parentbased_traceidratio", "1", [true, true, false]],
  ])("%s %s: by itself, for a client that records, for one that does not", async (sampler, ratio, expected) => {
    const tracer = await tracerWith({ OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: ratio });
    const requests = [undefined, client("01"), client("00")].map((traceparent) =>
      tracer.startRequest("GET", { startMs: 0, traceparent, attributes: {} }),
    );
    expect(requests.map(({ isRecorded }) => isRecorded)).toEqual(expected);
    // Whether or not it is recorded, it is known to logs and to whoever comes next by the client's trace.
    for (const request of requests.slice(1)) expect(request.traceId).toBe(trace);
    for (const { traceparent, isRecorded } of requests)
      expect(traceparent.endsWith(isRecorded ? "-01" : "-00")).toBe(true);
  });

  test("is decided at the request alone: parts are recorded by any sampler", async () => {
    const tracer = await tracerWith({ OTEL_TRACES_SAMPLER: "always_off" });
    expect(tracer.start("stage 0", { parent: client("01"), startMs: 0 }).traceparent).toMatch(
      new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`),
    );
  });

  test("a traceparent that is none begins another trace", async () => {
    const tracer = await tracerWith({});
    const { traceId, isRecorded } = tracer.startRequest("GET", { startMs: 0, traceparent: "hello", attributes: {} });
    expect(traceId).not.toBe(trace);
    expect(isRecorded).toBe(true);
  });
});

test("the log is told once that spans are lost, and once how many when they are taken again", () => {
  const logged: unknown[] = [];
  let error: Error | undefined;
  const exporter: SpanExporter = {
    // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the enum is of a package that only the SDK needs
    export: (_, done) => done({ code: error === undefined ? 0 : 1, error }),
    shutdown: () => Promise.resolve(),
  };
  const told = toldExporter(exporter, "http://c/v1/traces", (event, facts) => logged.push([event, facts]));
  const send = (count: number) => told.export(Array<ReadableSpan>(count), () => {});
  send(1);
  error = new Error("connect ECONNREFUSED");
  for (const count of [2, 3]) send(count);
  error = undefined;
  for (const count of [4, 5]) send(count);
  const endpoint = "http://c/v1/traces";
  expect(logged).toEqual([
    ["traces cannot be sent", { endpoint, reason: "connect ECONNREFUSED" }],
    ["traces are sent again", { endpoint, lostSpans: 5 }],
  ]);
});
