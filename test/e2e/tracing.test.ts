/** @file Traces: what a collector gets of requests, over real processes; and that nothing of it is there where nobody asks for it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../harness/eventually.ts";
import { golden } from "../harness/goldenSentences.ts";
import type { ReceivedSpan } from "../harness/otlp.ts";
import { startCollector, tracingEnv, type TestCollector } from "../harness/startCollector.ts";
import { freePort, startServer, stagecoach, startWorker, type TestServer } from "../harness/startServer.ts";

const SERVER = 2;
const ERROR = 2;

/** A client's own span, by a number, as it names it in its request. */
const clientSpan = (number: number, flags = "01") => {
  const traceId = String(number).padStart(32, "a");
  return { traceId, spanId: "00f067aa0ba902b7", header: { traceparent: `00-${traceId}-00f067aa0ba902b7-${flags}` } };
};

const stageParts = ["wait", "compute", "send"];
/** Spans of a request whose micro-batch goes through two stages. */
const wholeTrace = [
  "POST /v1/embeddings",
  "tokenize",
  "queue",
  "micro-batch",
  "link",
  "stage 0",
  ...stageParts,
  "link",
  "stage 1",
  ...stageParts,
  "link",
];

const named = (spans: readonly ReceivedSpan[], name: string) => {
  const found = spans.find((span) => span.name === name);
  if (found === undefined) throw new Error(`no span ${name} among ${spans.map((span) => span.name).join(", ")}`);
  return found;
};

/** Logs every package of OpenTelemetry that a process imports, in the form of a worker's log. */
const importLog = `import { registerHooks } from "node:module";
registerHooks({ resolve(name, context, next) {
  if (name.startsWith("@opentelemetry/")) process.stderr.write(JSON.stringify({ level: 30, msg: "imports " + name }) + "\\n");
  return next(name, context);
} });`;
const loggingImports = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(importLog)}` };

describe("a server of two stages whose traces go to a collector", () => {
  let collector: TestCollector;
  let server: TestServer;
  const embed = (input: unknown, headers: Readonly<Record<string, string>> = {}) =>
    server.post("/v1/embeddings", { input }, headers);

  beforeAll(async () => {
    collector = await startCollector();
    server = await startServer({
      flags: ["--stages", "2", "--log-level", "debug"],
      env: tracingEnv(collector.endpoint, {
        ...loggingImports,
        OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test",
        OTEL_EXPORTER_OTLP_HEADERS: "x-team=search",
      }),
    });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await collector[Symbol.asyncDispose]();
  });

  test("a request is one trace: each part in its parent, in the order in which things happen", async () => {
    const { traceId, spanId, header } = clientSpan(1);
    const answer = await embed(golden.texts[0], { ...header, tracestate: "vendor=opaque" });
    expect(answer.status).toBe(200);
    const spans = await collector.trace(traceId, wholeTrace);
    expect(spans.map(({ name }) => name).toSorted()).toEqual(wholeTrace.toSorted());
    const request = named(spans, "POST /v1/embeddings");
    expect(request).toMatchObject({ parentId: spanId, kind: SERVER, traceState: "vendor=opaque", status: { code: 0 } });
    expect(request.attributes).toEqual({
      "http.request.method": "POST",
      "http.route": "/v1/embeddings",
      "http.response.status_code": 200,
      "url.path": "/v1/embeddings",
      "url.scheme": "http",
    });
    const parentOf = ({ parentId }: ReceivedSpan) => spans.find((span) => span.spanId === parentId)?.name;
    const children = Object.groupBy(spans, (span) => parentOf(span) ?? "the client");
    const namesOf = (parent: string) => children[parent]?.toSorted((a, b) => a.start - b.start).map(({ name }) => name);
    expect(namesOf("POST /v1/embeddings")).toEqual(["tokenize", "queue", "micro-batch"]);
    expect(namesOf("micro-batch")).toEqual(["link", "stage 0", "link", "stage 1", "link"]);
    for (const stage of ["stage 0", "stage 1"]) expect(namesOf(stage)).toEqual(stageParts);
    // Processes of one machine agree on the time to a fraction of a millisecond; clocks are adjusted meanwhile.
    const toleranceMs = 2;
    for (const span of spans) {
      expect(span.end, span.name).toBeGreaterThanOrEqual(span.start);
      const parent = spans.find((each) => each.spanId === span.parentId);
      if (parent === undefined) continue;
      expect(span.start, span.name).toBeGreaterThanOrEqual(parent.start - toleranceMs);
      // A worker that has handed its result over goes on when the system lets it: the gateway may be done by then.
      const laterMs = span.name.startsWith("stage") ? Infinity : toleranceMs;
      expect(span.end, span.name).toBeLessThanOrEqual(parent.end + laterMs);
    }
  });

  test("how heads attend is asked of the same stages, and has the same parts", async () => {
    const { traceId, header } = clientSpan(20);
    expect((await server.post("/attention", { inputs: golden.texts[0] }, header)).status).toBe(200);
    const names = wholeTrace.map((name) => (name === "POST /v1/embeddings" ? "POST /attention" : name));
    const spans = await collector.trace(traceId, names);
    expect(spans.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
    expect(named(spans, "tokenize").attributes).toMatchObject({ "stagecoach.texts": 1 });
  });

  test("gateway and workers say who they are, and each stage its place", async () => {
    const { traceId, header } = clientSpan(2);
    await embed(golden.texts[0], header);
    const spans = await collector.trace(traceId, wholeTrace);
    const [gateway, first, second] = ["queue", "stage 0", "stage 1"].map((name) => named(spans, name));
    expect(gateway!.resource).toMatchObject({ "service.name": "stagecoach", "process.pid": server.process.pid });
    const pids = server.workerPids().toSorted((a, b) => a.stage - b.stage);
    for (const [stage, span] of [first!, second!].entries()) {
      expect(span.resource).toMatchObject({
        "service.name": "stagecoach-worker",
        "process.pid": pids[stage]!.pid,
        "deployment.environment.name": "test",
      });
      expect(span.attributes).toMatchObject({
        "stagecoach.replica": 0,
        "stagecoach.stage": stage,
        "stagecoach.layers": ["0-1", "2-3"][stage],
        "stagecoach.attempt": 0,
      });
    }
    const instances = [gateway, first, second].map((span) => span!.resource["service.instance.id"]);
    expect(new Set(instances).size).toBe(3);
    const compute = spans
      .filter(({ name }) => name === "compute")
      .map(({ attributes }) => attributes["stagecoach.stage"]);
    expect(new Set(compute)).toEqual(new Set([0, 1]));
    expect(collector.requests[0]).toMatchObject({ path: "/v1/traces", headers: { "x-team": "search" } });
  });

  test("a client that records nothing is not recorded, probes are not, and the log names the trace in both cases", async () => {
    const [silent, loud] = [clientSpan(3, "00"), clientSpan(4)];
    expect((await embed(golden.texts[0], silent.header)).status).toBe(200);
    for (const probe of ["/health", "/ping", "/metrics", "/livez"]) await server.get(probe, clientSpan(5).header);
    await embed(golden.texts[0], loud.header);
    const spans = await collector.trace(loud.traceId, wholeTrace);
    expect(collector.spans.filter(({ traceId }) => [silent.traceId, clientSpan(5).traceId].includes(traceId))).toEqual(
      [],
    );
    const entries = await eventually(() => {
      const found = [silent, loud].map(({ traceId }) =>
        server
          .log()
          .split("\n")
          .find((line) => line.includes(traceId)),
      );
      return found.map((line) => JSON.parse(line!) as Record<string, unknown>);
    });
    for (const entry of entries) expect(entry).toMatchObject({ msg: "request", path: "/v1/embeddings", status: 200 });
    expect(entries[1]!["span_id"]).toBe(named(spans, "POST /v1/embeddings").spanId);
  });

  test("a client's mistake is not an error of the server's; a route that is not there has no name of the client's", async () => {
    const [wrong, unknown] = [clientSpan(6), clientSpan(7)];
    expect((await embed([], wrong.header)).status).toBe(400);
    expect((await server.get("/of-a-user?key=secret", unknown.header)).status).toBe(404);
    const [request] = await collector.trace(wrong.traceId, ["POST /v1/embeddings"]);
    expect(request).toMatchObject({ status: { code: 0 }, attributes: { "http.response.status_code": 400 } });
    const [other] = await collector.trace(unknown.traceId, ["GET"]);
    expect(other!.attributes).not.toHaveProperty("http.route");
    expect(JSON.stringify(other)).not.toContain("secret");
  });

  test("requests that share a micro-batch are linked; one that was with a lost worker shows both attempts", async () => {
    const worker = server.workerPids().find(({ stage }) => stage === 1)!;
    process.kill(worker.pid, "SIGSTOP");
    // The worker loses its lease and is killed; what was with it waits together for the next one.
    const answers = [8, 9, 10].map((number) => embed(golden.texts[0], clientSpan(number).header));
    for (const answer of await Promise.all(answers)) expect(answer.status).toBe(200);

    const lost = await eventually(() => {
      const found = collector.spans.find(({ name, status }) => name === "micro-batch" && status.code === ERROR);
      if (found === undefined) throw new Error("no micro-batch with an error");
      return found;
    });
    expect(lost.status.message).toMatch(/^stage 1 of replica 0 was lost/);
    expect(lost.attributes).toMatchObject({ "stagecoach.attempt": 0, "error.type": "stage_lost" });
    const spans = await collector.trace(lost.traceId, ["micro-batch", "queue", "queue", "POST /v1/embeddings"]);
    expect(named(spans, "POST /v1/embeddings")).toMatchObject({ status: { code: 0 } });

    const shared = await eventually(() => named(collector.spans, "shared micro-batch"));
    const spanOf = (id: string | undefined) =>
      eventually(() => {
        const found = collector.spans.find(({ spanId }) => spanId === id);
        if (found === undefined) throw new Error(`no span ${id}`);
        return found;
      });
    const joined = await spanOf(shared.links[0]!.spanId);
    expect(joined.name).toBe("micro-batch");
    expect(joined.traceId).not.toBe(shared.traceId);
    const request = await spanOf(shared.parentId);
    expect(joined.links).toContainEqual({ traceId: request.traceId, spanId: request.spanId });
    expect(joined.attributes["stagecoach.requests"]).toBeGreaterThan(1);
  });

  test("no text of a user is sent, and the SDK is what sends", async () => {
    const { traceId, header } = clientSpan(14);
    await embed("Zanzibar", header);
    await collector.trace(traceId, wholeTrace);
    for (const { body } of collector.requests) expect(body).not.toMatch(/zanzibar/i);
    expect(server.log()).toContain("imports @opentelemetry/sdk-trace");
    expect(server.log()).toContain(`"endpoint":"${collector.endpoint}/v1/traces"`);
  });
});

test("spans that wait when a server and a worker from elsewhere are stopped are sent first, as JSON where that is asked for", async () => {
  await using collector = await startCollector();
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_BSP_SCHEDULE_DELAY: "600000",
    STAGECOACH_JOIN_TOKEN: "t".repeat(32),
  };
  const port = await freePort();
  const starting = startServer({ flags: ["--external-workers", "1", "--worker-port", String(port)], env });
  await using worker = startWorker(["--join", `ws://127.0.0.1:${port}`], { env });
  await using server = await starting;
  expect((await server.post("/embed", { inputs: "hello" })).status).toBe(200);
  expect(collector.requests).toEqual([]);
  server.process.kill("SIGTERM");
  await server.exited;
  await worker.exited;
  const { traceId } = named(collector.spans, "POST /embed");
  expect(named(collector.spans, "compute").traceId).toBe(traceId);
  expect(collector.requests.map(({ headers }) => headers["content-type"])).toContain("application/json");
});

test("a collector that is not there: requests are answered, the log says it once for each process, a stop does not wait for long", async () => {
  const env = tracingEnv(`http://127.0.0.1:${await freePort()}`, { OTEL_EXPORTER_OTLP_TIMEOUT: "900" });
  await using server = await startServer({ env });
  const warnings = () => server.log().split("traces cannot be sent").length - 1;
  for (let request = 0; request < 5; request++)
    expect((await server.post("/embed", { inputs: "hello" })).status).toBe(200);
  await eventually(() => expect(warnings()).toBe(2));
  expect((await server.post("/embed", { inputs: "hello" })).status).toBe(200);
  const stopping = performance.now();
  server.process.kill("SIGTERM");
  expect(await server.exited).toBe(0);
  expect(performance.now() - stopping).toBeLessThan(10_000);
  expect(warnings()).toBe(2);
});

test("nobody asks for traces: no process loads the SDK, and no log names a trace", async () => {
  await using server = await startServer({ flags: ["--log-level", "debug"], env: loggingImports });
  const { traceId, header } = clientSpan(15);
  expect((await server.post("/embed", { inputs: "hello" }, header)).status).toBe(200);
  const imports = new Set([...server.log().matchAll(/imports (@opentelemetry\/[\w-]+)/g)].map(([, name]) => name));
  // prom-client's own.
  expect([...imports]).toEqual(["@opentelemetry/api"]);
  expect(server.log()).not.toContain(traceId);
});

test("variables that do not fit end a start with what they may be", async () => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4317" };
  const { code, stderr } = await stagecoach(["serve", "--port", "0"], { env });
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: `stagecoach: OTEL_EXPORTER_OTLP_ENDPOINT: expected http://HOST:PORT or https://HOST:PORT, got "collector:4317"\n`,
  });
});
