/** @file Metrics: all there before anything has happened, right after what has, and in a format that a strict reader accepts. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseExposition, valueOf, type Family } from "../harness/exposition.ts";
import { golden } from "../harness/goldenSentences.ts";
import { RawConnection, requestHead } from "../harness/rawConnection.ts";
import { freePort, launchServer, requestsTo, startServer, type TestServer } from "../harness/startServer.ts";
import { eventually } from "../harness/eventually.ts";

const MODEL = 'tiny "quoted" \\ encoder';

let server: TestServer;
let first: string;
beforeAll(async () => {
  server = await startServer({
    flags: ["--stages", "2", "--replicas", "2", "--served-model-name", MODEL, "--max-batch-tokens", "128"],
    env: { STAGECOACH_BODY_TIMEOUT: "2" },
  });
  first = await (await server.get("/metrics")).text();
  await untilAllUp();
});
afterAll(() => server[Symbol.asyncDispose]());

const scrape = async (): Promise<Map<string, Family>> => parseExposition(await (await server.get("/metrics")).text());

async function untilAllUp(): Promise<void> {
  await eventually(
    async () => {
      const families = await scrape();
      for (const replica of ["0", "1"]) expect(valueOf(families, "stagecoach_replica_up", { replica })).toBe(1);
      for (const place of places) expect(valueOf(families, "stagecoach_stage_up", place)).toBe(1);
    },
    { timeout: 60_000 },
  );
}

/** Requests that were counted, whatever their method. */
const requestsOf = (families: ReadonlyMap<string, Family>, route: string, status: string) =>
  families
    .get("stagecoach_http_requests_total")!
    .samples.filter(({ labels }) => labels["route"] === route && labels["status"] === status)
    .reduce((total, { value }) => total + value, 0);

/** Everything that docs and dashboards may ask for. */
const expected: Readonly<Record<string, Family["type"]>> = {
  stagecoach_build_info: "gauge",
  stagecoach_model_info: "gauge",
  stagecoach_http_requests_total: "counter",
  stagecoach_http_request_duration_seconds: "histogram",
  stagecoach_http_requests_in_progress: "gauge",
  stagecoach_request_tokenization_seconds: "histogram",
  stagecoach_request_queue_seconds: "histogram",
  stagecoach_request_inference_seconds: "histogram",
  stagecoach_request_tokens: "histogram",
  stagecoach_truncated_inputs_total: "counter",
  stagecoach_micro_batch_texts: "histogram",
  stagecoach_micro_batch_tokens: "histogram",
  stagecoach_micro_batch_padding_ratio: "histogram",
  stagecoach_micro_batch_seconds: "histogram",
  stagecoach_tokens_total: "counter",
  stagecoach_attention_tokens_total: "counter",
  stagecoach_stage_micro_batches_total: "counter",
  stagecoach_stage_tokens_total: "counter",
  stagecoach_stage_busy_seconds_total: "counter",
  stagecoach_stage_waiting_seconds_total: "counter",
  stagecoach_stage_sending_seconds_total: "counter",
  stagecoach_link_sent_bytes_total: "counter",
  stagecoach_link_received_bytes_total: "counter",
  stagecoach_queue_texts: "gauge",
  stagecoach_queue_tokens: "gauge",
  stagecoach_worker_resident_memory_bytes: "gauge",
  stagecoach_worker_restarts_total: "counter",
  stagecoach_stage_up: "gauge",
  stagecoach_replica_up: "gauge",
  stagecoach_loaded_models: "gauge",
  stagecoach_loaded_models_bytes: "gauge",
  stagecoach_http_requests_limit: "gauge",
  stagecoach_queue_tokens_limit: "gauge",
  stagecoach_data_disk_bytes: "gauge",
  stagecoach_data_disk_free_bytes: "gauge",
  stagecoach_machine_cpus: "gauge",
  stagecoach_machine_load: "gauge",
  stagecoach_machine_memory_bytes: "gauge",
  stagecoach_machine_available_memory_bytes: "gauge",
  stagecoach_machine_cpu_seconds_total: "counter",
};

const places = [0, 1].flatMap((replica) => [0, 1].map((stage) => ({ replica: String(replica), stage: String(stage) })));

describe("the first scrape, before any request", () => {
  test("is what a strict reader accepts, with the content type of its format", async () => {
    expect(() => parseExposition(first)).not.toThrow();
    const { headers } = await server.get("/metrics");
    expect(headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  });

  test("has every metric, with a series each", () => {
    const families = parseExposition(first);
    const ours = [...families.values()].filter(({ name }) => name.startsWith("stagecoach_"));
    expect(Object.fromEntries(ours.map(({ name, type }) => [name, type]))).toEqual(expected);
    expect(ours.filter(({ samples }) => samples.length === 0).map(({ name }) => name)).toEqual([]);
    expect(ours.filter(({ help }) => help.length < 10).map(({ name }) => name)).toEqual([]);
    for (const name of ["process_cpu_seconds_total", "process_resident_memory_bytes", "nodejs_eventloop_lag_seconds"]) {
      expect(families.get(name)?.samples.length).toBeGreaterThan(0);
    }
  });

  test("has a series for each route, stage and replica", () => {
    const families = parseExposition(first);
    const routes = families.get("stagecoach_http_requests_total")!.samples;
    const listed = routes.map(({ labels }) => `${labels["method"]} ${labels["route"]}`);
    expect(new Set(listed)).toEqual(
      new Set([
        ...[
          "/",
          "/decode",
          "/embed",
          "/embed_all",
          "/embeddings",
          "/similarity",
          "/tokenize",
          "/v1/embeddings",
          "/predict",
          "/rerank",
          "/next-sentence",
          "/answer",
          "/fill-mask",
          "/attention",
          "/v1/files",
          "/v1/fine_tuning/jobs",
          "/v1/fine_tuning/jobs/validate",
          ...["cancel", "pause", "resume"].map((name) => `/v1/fine_tuning/jobs/{fine_tuning_job_id}/${name}`),
        ].map((route) => `POST ${route}`),
        ...[
          "/",
          "/health",
          "/info",
          "/livez",
          "/metrics",
          "/ping",
          "/readyz",
          "/timeline",
          "/topology",
          "/v1/models",
          "/v1/models/{model}",
          "/v1/models/{model}/archive",
          "/v1/files",
          "/v1/files/{file_id}",
          "/v1/files/{file_id}/preview",
          "/v1/files/{file_id}/content",
          "/v1/fine_tuning/jobs",
          ...["", "/events", "/checkpoints", "/evaluation", "/timeline", "/trials", "/trials.svg"].map(
            (name) => `/v1/fine_tuning/jobs/{fine_tuning_job_id}${name}`,
          ),
        ].map((route) => `GET ${route}`),
        ...["/v1/models/{model}", "/v1/files/{file_id}"].map((route) => `DELETE ${route}`),
        ...["/console", "/docs", "/openapi.json", "unknown"].map((route) => `GET ${route}`),
        "unknown unreadable",
      ]),
    );
    const perStage = [...families.values()].filter(
      ({ name }) => /_(stage|link|worker)_/.test(name) && name.startsWith("stagecoach_"),
    );
    expect(perStage.length).toBe(10);
    for (const { name } of perStage)
      for (const place of places) expect(valueOf(families, name, place)).toBeGreaterThanOrEqual(0);
    for (const replica of ["0", "1"]) {
      // The server serves as soon as one replica is up.
      expect([0, 1]).toContain(valueOf(families, "stagecoach_replica_up", { replica }));
      expect(valueOf(families, "stagecoach_micro_batch_seconds_count", { replica })).toBe(0);
    }
    expect(families.get("stagecoach_replica_up")!.samples.some(({ value }) => value === 1)).toBe(true);
    for (const place of places) expect([0, 1]).toContain(valueOf(families, "stagecoach_stage_up", place));
  });

  test("has a series for each way to be turned away, of the routes that can", () => {
    const families = parseExposition(first);
    const statusesOf = (route: string) =>
      families
        .get("stagecoach_http_requests_total")!
        .samples.filter(({ labels }) => labels["route"] === route)
        .map(({ labels }) => labels["status"]);
    for (const route of ["/embed", "/v1/embeddings", "/similarity", "/predict", "/answer", "/fill-mask", "/attention"])
      expect(statusesOf(route), route).toEqual(["200", "429", "503"]);
    for (const route of ["/health", "/info", "/v1/models"]) expect(statusesOf(route), route).toEqual(["200", "503"]);
    expect(statusesOf("/livez")).toEqual(["200"]);
    expect(statusesOf("unknown")).toEqual(["404"]);
    expect(statusesOf("unreadable")).toEqual(["400", "408", "431"]);
  });

  test("names the model as it is served, escaped, and the release", () => {
    const families = parseExposition(first);
    const [{ labels } = { labels: {} }] = families.get("stagecoach_model_info")!.samples;
    expect(labels).toEqual({ model: MODEL, engine: "onnxruntime", pooling: "mean", dtype: "float32" });
    expect(valueOf(families, "stagecoach_tokens_total", { model: MODEL })).toBe(0);
    expect(families.get("stagecoach_build_info")!.samples[0]!.labels["version"]).toMatch(/^\d+\.\d+\.\d+/);
  });

  test("has latency buckets from 1 ms to beyond 10 s", () => {
    const { samples } = parseExposition(first).get("stagecoach_http_request_duration_seconds")!;
    const bounds = new Set(samples.flatMap(({ labels: { le } }) => (le === undefined ? [] : [le])));
    for (const bound of ["0.001", "0.01", "0.1", "1", "10", "+Inf"]) expect(bounds).toContain(bound);
    expect(bounds.size).toBeLessThan(20);
  });
});

describe("while the server is starting", () => {
  test("a scrape has every metric already, with a series each", async () => {
    const port = await freePort();
    // A worker that never comes: the start goes no further.
    const waiting = ["--stages", "2", "--external-workers", "1", "--join-token", "t".repeat(32)];
    await using launched = launchServer({
      flags: [...waiting, "--port", String(port), "--served-model-name", MODEL],
    });
    await eventually(() => expect(launched.log()).toContain("waiting for workers"), { timeout: 60_000 });
    const { get } = requestsTo(`http://127.0.0.1:${port}`);
    expect((await get("/readyz")).status).toBe(503);
    const families = parseExposition(await (await get("/metrics")).text());
    const series = [...families.values()].filter(({ samples }) => samples.length > 0);
    const ours = series.filter(({ name }) => name.startsWith("stagecoach_"));
    expect(Object.fromEntries(ours.map(({ name, type }) => [name, type]))).toEqual(expected);
    expect(valueOf(families, "stagecoach_model_info", { model: MODEL })).toBe(1);
    expect(valueOf(families, "stagecoach_tokens_total", { model: MODEL })).toBe(0);
  });
});

describe("after requests", () => {
  test("counts requests by route template, method and status, whatever the path was", async () => {
    const before = await scrape();
    await server.get("/v1/models/some%2Fmodel");
    await server.get("/v1/models/another");
    await server.get("/no/such/route?key=secret");
    await server.post("/no/such/route", {});
    await server.get("/embed");
    await server.get("/docs");
    await server.get("/docs/assets/swagger-ui.css");
    await server.get("/docs/assets/no-such.css");
    await server.get("/openapi.json");
    await server.get("/api-doc/openapi.json");
    await server.get("/v1/files/%FF");
    await server.post("/embed", { inputs: "" });
    await server.post("/embed", { inputs: "a" });
    await server.post("/embed", { inputs: "a", dimensions: 0 });
    using leaving = await RawConnection.open(server.url);
    leaving.write(requestHead("/embed", 100));
    await eventually(async () => expect(valueOf(await scrape(), "stagecoach_http_requests_in_progress")).toBe(1));
    leaving.destroy();
    await eventually(async () => expect(valueOf(await scrape(), "stagecoach_http_requests_in_progress")).toBe(0));
    const after = await scrape();
    const growth = (route: string, status: string) =>
      requestsOf(after, route, status) - requestsOf(before, route, status);
    expect(growth("/v1/models/{model}", "404")).toBe(2);
    expect(growth("/embed", "400")).toBe(1);
    expect(growth("/embed", "200")).toBe(1);
    expect(growth("/embed", "422")).toBe(1);
    expect(growth("/embed", "499")).toBe(1);
    expect(growth("unknown", "404")).toBe(2);
    expect(growth("unknown", "405")).toBe(1);
    expect(growth("unknown", "400")).toBe(1);
    expect(growth("/docs", "200")).toBe(2);
    expect(growth("/docs", "404")).toBe(1);
    expect(growth("/openapi.json", "200")).toBe(2);
    const labels = after.get("stagecoach_http_requests_total")!.samples.map((sample) => JSON.stringify(sample.labels));
    expect(labels.filter((each) => /another|some|secret|such/.test(each))).toEqual([]);
  });

  const refused: readonly { readonly what: string; readonly text: string; route: string; status: string }[] = [
    { what: "what is not HTTP", text: "hello\r\n\r\n", route: "unreadable", status: "400" },
    {
      what: "a head that is too large",
      text: `GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(20_000)}\r\n\r\n`,
      route: "unreadable",
      status: "431",
    },
    { what: "a head that does not end", text: "GET / HTTP/1.1\r\n", route: "unreadable", status: "408" },
    {
      what: "a request without a host",
      text: "GET /health HTTP/1.1\r\nConnection: close\r\n\r\n",
      route: "unknown",
      status: "400",
    },
    { what: "a body that does not end", text: requestHead("/embed", 100), route: "/embed", status: "408" },
  ];
  test.each(refused)("counts $what", async ({ text, route, status }) => {
    const before = requestsOf(await scrape(), route, status);
    using silent = await RawConnection.open(server.url);
    using connection = await RawConnection.open(server.url);
    connection.write(text);
    await connection.closed;
    expect(connection.received()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    await silent.closed;
    expect(requestsOf(await scrape(), route, status)).toBe(before + 1);
  });

  test("counts tokens, inputs that were cut, and micro-batches exactly", async () => {
    const before = await scrape();
    for (const path of ["/v1/embeddings", "/embed"]) {
      await server.post(path, path === "/embed" ? { inputs: golden.texts } : { input: golden.texts });
    }
    await server.post("/tokenize", { inputs: golden.texts });
    const after = await scrape();
    const growth = (name: string) => valueOf(after, name, { model: MODEL }) - valueOf(before, name, { model: MODEL });
    const tokens = 2 * golden.token_ids.reduce((total, ids) => total + ids.length, 0);
    expect(growth("stagecoach_tokens_total")).toBe(tokens);
    expect(growth("stagecoach_request_tokens_sum")).toBe(tokens);
    expect(growth("stagecoach_request_tokens_count")).toBe(2);
    expect(growth("stagecoach_truncated_inputs_total")).toBe(2);
    expect(growth("stagecoach_micro_batch_tokens_sum")).toBe(tokens);
    expect(growth("stagecoach_micro_batch_texts_sum")).toBe(2 * golden.texts.length);
    expect(growth("stagecoach_attention_tokens_total")).toBeGreaterThanOrEqual(tokens);
    const batches = growth("stagecoach_micro_batch_texts_count");
    expect(batches).toBeGreaterThanOrEqual(Math.ceil(tokens / 128));
    expect(growth("stagecoach_micro_batch_padding_ratio_count")).toBe(batches);
    expect(growth("stagecoach_request_queue_seconds_count")).toBe(2);
    expect(growth("stagecoach_request_inference_seconds_sum")).toBeGreaterThan(0);
    expect(growth("stagecoach_request_tokenization_seconds_sum")).toBeGreaterThan(0);
  });

  test("every stage shows its work: micro-batches, tokens, time, bytes on its links, memory", async () => {
    const load = Array.from({ length: 6 }, () => server.post("/embed", { inputs: Array(300).fill(golden.texts[1]) }));
    for (const response of await Promise.all(load)) expect(response.status).toBe(200);
    await eventually(
      async () => {
        const families = await scrape();
        const total = valueOf(families, "stagecoach_tokens_total", { model: MODEL });
        const at = (name: string, replica: string, stage: string) => valueOf(families, name, { replica, stage });
        for (const stage of ["0", "1"]) {
          const sum = (name: string) => at(name, "0", stage) + at(name, "1", stage);
          // A worker reports with its heartbeat: each token passed each stage of one replica once.
          expect(sum("stagecoach_stage_tokens_total")).toBe(total);
          expect(sum("stagecoach_stage_busy_seconds_total")).toBeGreaterThan(0);
          expect(sum("stagecoach_stage_waiting_seconds_total")).toBeGreaterThan(0);
        }
        for (const { replica, stage } of places) {
          expect(at("stagecoach_stage_micro_batches_total", replica, stage)).toBeGreaterThan(0);
          expect(at("stagecoach_worker_resident_memory_bytes", replica, stage)).toBeGreaterThan(10e6);
        }
        for (const replica of ["0", "1"]) {
          const hiddenBytes = at("stagecoach_stage_tokens_total", replica, "0") * 32 * 4;
          const sent = at("stagecoach_link_sent_bytes_total", replica, "0");
          const received = at("stagecoach_link_received_bytes_total", replica, "1");
          expect(sent).toBeGreaterThan(hiddenBytes);
          expect(received).toBeGreaterThan(hiddenBytes);
          expect(sent).toBeLessThan(4 * hiddenBytes);
        }
      },
      { interval: 200 },
    );
  });

  test("the queue shows while it is there, and is empty afterwards", async () => {
    // Requests until it was seen, however long a scrape takes on a busy machine.
    const seen = new AbortController();
    const load = Array.from({ length: 8 }, async () => {
      while (!seen.signal.aborted)
        await (await server.post("/embed", { inputs: Array(2000).fill(golden.texts[1]) })).arrayBuffer();
    });
    const whileItIsThere = async () => {
      const families = await scrape();
      expect(valueOf(families, "stagecoach_queue_texts")).toBeGreaterThan(0);
      expect(valueOf(families, "stagecoach_queue_tokens")).toBeGreaterThan(0);
      expect(valueOf(families, "stagecoach_http_requests_in_progress")).toBeGreaterThan(0);
    };
    await eventually(whileItIsThere, { timeout: 60_000, interval: 50 }).finally(() => seen.abort());
    await Promise.all(load);
    const families = await scrape();
    for (const name of ["queue_texts", "queue_tokens", "http_requests_in_progress"]) {
      expect(valueOf(families, `stagecoach_${name}`)).toBe(0);
    }
  });

  test("a killed worker is counted, and its stage shows that it is gone and back", async () => {
    const { pid, replica, stage } = server.workerPids().find((each) => each.replica === 1 && each.stage === 0)!;
    process.kill(pid, "SIGKILL");
    const place = { replica: String(replica), stage: String(stage) };
    await eventually(async () => expect(valueOf(await scrape(), "stagecoach_worker_restarts_total", place)).toBe(1), {
      timeout: 60_000,
      interval: 50,
    });
    await eventually(
      async () => {
        const families = await scrape();
        expect(valueOf(families, "stagecoach_stage_up", place)).toBe(1);
        expect(valueOf(families, "stagecoach_replica_up", { replica: "1" })).toBe(1);
      },
      { timeout: 60_000 },
    );
  });
});

describe("parseExposition()", () => {
  const help = "# HELP a_total some help\n# TYPE a_total counter\n";
  test.each([
    ["no line feed at the end", `${help}a_total 1`],
    ["a type that does not exist", "# HELP a b\n# TYPE a number\na 1\n"],
    ["a sample before its type", 'a_total{b="c"} 1\n'],
    ["a series twice", `${help}a_total{b="1",c="2"} 1\na_total{c="2",b="1"} 1\n`],
    ["a label that is not quoted", `${help}a_total{b=c} 1\n`],
    ["a quote that is not escaped", `${help}a_total{b="c"d"} 1\n`],
    ["a value that is no number", `${help}a_total x\n`],
    ["a histogram whose buckets shrink", histogram([2, 1], 1)],
    ["a histogram whose count is not its last bucket", histogram([1, 2], 3)],
  ])("refuses %s", (_, text) => {
    expect(() => parseExposition(text)).toThrow(/./);
  });

  test("reads escaped labels", () => {
    const families = parseExposition(`${help}a_total{b="say \\"x\\"\\n\\\\",c=""} 1e3\n`);
    expect(families.get("a_total")!.samples[0]).toEqual({
      name: "a_total",
      labels: { b: 'say "x"\n\\', c: "" },
      value: 1000,
    });
  });
});

function histogram([low, high]: readonly [number, number] | number[], count: number): string {
  return `# HELP h b\n# TYPE h histogram\nh_bucket{le="1"} ${low}\nh_bucket{le="+Inf"} ${high}\nh_sum 1\nh_count ${count}\n`;
}
