/** @file A collector of traces for a test: it takes OTLP over HTTP, and keeps what comes. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { eventually } from "./eventually.ts";
import { spansOfJson, spansOfProtobuf, type ReceivedSpan } from "./otlp.ts";

export type TestCollector = AsyncDisposable & {
  readonly endpoint: string;
  /** Requests so far: type, headers and the body's bytes as Latin-1. */
  readonly requests: readonly {
    readonly path: string;
    readonly headers: Readonly<Record<string, unknown>>;
    readonly body: string;
  }[];
  /** Everything so far. */
  readonly spans: readonly ReceivedSpan[];
  /** The trace once it holds the names, each as often as they are given. */
  readonly trace: (traceId: string, names: readonly string[]) => Promise<readonly ReceivedSpan[]>;
};

/** Variables of a process that is to send its spans there, soon. */
export const tracingEnv = (endpoint: string, extra: Readonly<Record<string, string>> = {}) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
  OTEL_BSP_SCHEDULE_DELAY: "50",
  ...extra,
});

export async function startCollector(): Promise<TestCollector> {
  const spans: ReceivedSpan[] = [];
  const requests: { path: string; headers: Record<string, unknown>; body: string }[] = [];
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      requests.push({ path: request.url ?? "", headers: request.headers, body: body.toString("latin1") });
      const isJson = request.headers["content-type"] === "application/json";
      spans.push(...(isJson ? spansOfJson(body.toString("utf8")) : spansOfProtobuf(body)));
      response.writeHead(200, { "content-type": request.headers["content-type"] }).end(isJson ? "{}" : "");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    spans,
    trace: (traceId, names) =>
      eventually(() => {
        const found = spans.filter((span) => span.traceId === traceId);
        const missing = [...names];
        for (const { name } of found) if (missing.includes(name)) missing.splice(missing.indexOf(name), 1);
        if (missing.length > 0)
          throw new Error(`expected ${missing.join(", ")} besides ${found.map(({ name }) => name).join(", ")}`);
        return found;
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
