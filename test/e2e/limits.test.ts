/** @file What a server refuses to take on, and how it says so: overload, sizes, deadlines, keys, addresses. */
import { networkInterfaces } from "node:os";
import { describe, expect, test } from "vitest";
import { largestError } from "../golden/compareEncoder.ts";
import { golden, TOLERANCE } from "../harness/goldenSentences.ts";
import { metric, metricSum } from "../harness/load.ts";
import { RawConnection, requestHead } from "../harness/rawConnection.ts";
import { freePort, launchServer, requestsTo, startServer, type TestServer } from "../harness/startServer.ts";
import { eventually } from "../harness/eventually.ts";

type Series = Pick<TestServer, "get">;
const scrape = async (server: Series) => (await server.get("/metrics")).text();
const inProgress = async (server: Series) => metric(await scrape(server), "stagecoach_http_requests_in_progress");
const embed = (server: TestServer, inputs: unknown) => server.post("/embed", { inputs });

/** A client that has sent half of its request. */
async function occupy(server: TestServer): Promise<RawConnection> {
  const connection = await RawConnection.open(server.url);
  connection.write(`${requestHead("/embed", 1000)}{"inputs":`);
  return connection;
}

describe("--max-concurrent-requests", () => {
  test("beyond it, requests of both families get 429 with Retry-After, before their body is read", async () => {
    await using server = await startServer({ flags: ["--max-concurrent-requests", "2"] });
    const busy = [await occupy(server), await occupy(server)];
    await eventually(async () => expect(await inProgress(server)).toBe(2));
    const native = await embed(server, "a");
    expect(native.status).toBe(429);
    expect(native.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
    expect(await native.json()).toEqual({
      error: "Model is overloaded: 2 requests are at work already",
      error_type: "Overloaded",
    });
    const openAi = await server.post("/v1/embeddings", { input: "a" });
    expect(openAi.status).toBe(429);
    expect(openAi.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
    expect(await openAi.json()).toMatchObject({ error: { type: "rate_limit_error", code: "rate_limit_exceeded" } });
    using headOnly = await RawConnection.open(server.url);
    headOnly.write(requestHead("/embed", 1000));
    expect(await headOnly.until(/Overloaded/)).toMatch(/^HTTP\/1\.1 429 /);
    expect((await server.get("/health")).status).toBe(200);
    expect((await server.get("/v1/models")).status).toBe(200);

    busy[0]!.destroy();
    await eventually(async () => expect(await inProgress(server)).toBe(1));
    expect((await embed(server, "a")).status).toBe(200);
    busy[1]!.destroy();
    const text = await scrape(server);
    expect(metric(text, 'stagecoach_http_requests_total{route="/embed",method="POST",status="429"}')).toBe(2);
  });
});

describe("--max-client-batch-size", () => {
  test("counts inputs of a request, the source of /similarity included", async () => {
    await using server = await startServer({ flags: ["--max-client-batch-size", "3"] });
    expect((await embed(server, ["a", "b", "c"])).status).toBe(200);
    const refused = await embed(server, ["a", "b", "c", "d"]);
    expect(refused.status).toBe(422);
    expect(await refused.json()).toMatchObject({
      error: expect.stringContaining("batch size 4 > maximum allowed batch size 3") as string,
    });
    const similarity = (count: number) =>
      server.post("/similarity", { inputs: { source_sentence: "a", sentences: Array(count).fill("b") } });
    expect((await similarity(2)).status).toBe(200);
    expect((await similarity(3)).status).toBe(422);
    expect((await server.post("/v1/embeddings", { input: Array(4).fill("a") })).status).toBe(400);
    expect(((await (await server.get("/info")).json()) as Record<string, unknown>)["max_client_batch_size"]).toBe(3);
  });
});

describe("--max-queued-tokens", () => {
  test("a request that finds the queue full gets 429; one that finds it empty is served whatever its size", async () => {
    await using server = await startServer({ flags: ["--max-queued-tokens", "1000", "--stages", "2"] });
    const large = Array.from({ length: 2000 }, () => golden.texts[1]!);
    const [first, ...others] = [embed(server, large), ...Array.from({ length: 4 }, () => embed(server, large))];
    const answers = await Promise.all([first, ...others]);
    const statuses = new Set(answers.map(({ status }) => status));
    expect(statuses).toEqual(new Set([200, 429]));
    const refused = answers.find(({ status }) => status === 429)!;
    expect(refused.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
    expect(await refused.json()).toMatchObject({
      error: expect.stringMatching(/queue holds \d+ tokens of at most 1000/) as string,
      error_type: "Overloaded",
    });
    const served = answers.find(({ status }) => status === 200)!;
    const vectors = (await served.json()) as number[][];
    expect(vectors.length).toBe(2000);
    expect(Math.max(...vectors.map((each) => largestError(each, golden.embeddings[1]!)))).toBeLessThan(TOLERANCE);
    const text = await scrape(server);
    expect(metricSum(text, "stagecoach_queue_tokens")).toBe(0);
  });
});

describe("--payload-limit", () => {
  test("takes a body of exactly the limit, and none of one byte more", async () => {
    await using server = await startServer({ flags: ["--payload-limit", "1KB"] });
    const body = (bytes: number) => `{"inputs":"${"a".repeat(bytes - 13)}"}`;
    expect(Buffer.byteLength(body(1000))).toBe(1000);
    expect((await server.post("/embed", body(1000))).status).toBe(200);
    const refused = await server.post("/embed", body(1001));
    expect(refused.status).toBe(413);
    expect(await refused.json()).toMatchObject({ error: expect.stringContaining("1000 bytes") as string });
  });
});

describe("--auto-truncate", () => {
  test("false refuses what is too long on native routes that do not say; /v1/embeddings cuts as ever", async () => {
    await using server = await startServer({ flags: ["--auto-truncate", "false"] });
    const long = "x ".repeat(100);
    expect((await embed(server, long)).status).toBe(422);
    expect((await server.post("/embed", { inputs: long, truncate: true })).status).toBe(200);
    expect((await server.post("/v1/embeddings", { input: long })).headers.get("x-truncated-inputs")).toBe("1");
    expect(((await (await server.get("/info")).json()) as Record<string, unknown>)["auto_truncate"]).toBe(false);
  });
});

describe("--max-batch-tokens", () => {
  test("a request larger than a micro-batch is split, and comes back whole and in order", async () => {
    await using server = await startServer({ flags: ["--max-batch-tokens", "64"] });
    const indices = Array.from({ length: 200 }, (_, index) => (index * 7) % golden.texts.length);
    const response = await embed(
      server,
      indices.map((index) => golden.texts[index]),
    );
    const vectors = (await response.json()) as number[][];
    const errors = indices.map((index, place) => largestError(vectors[place]!, golden.embeddings[index]!));
    expect(Math.max(...errors)).toBeLessThan(TOLERANCE);
    const text = await scrape(server);
    const tokens = indices.reduce((total, index) => total + golden.token_ids[index]!.length, 0);
    const model = 'model="tiny-encoder"';
    const batches = metric(text, `stagecoach_micro_batch_tokens_count{${model}}`);
    expect(batches).toBeGreaterThanOrEqual(Math.ceil(tokens / 64));
    expect(metric(text, `stagecoach_micro_batch_tokens_bucket{le="64",${model}}`)).toBe(batches);
    expect(metric(text, `stagecoach_tokens_total{${model}}`)).toBe(tokens);
    expect(metric(text, `stagecoach_request_tokens_sum{${model}}`)).toBe(tokens);
  });
});

describe("--request-timeout", () => {
  test("503 with the number of the stage that does not come back", async () => {
    await using server = await startServer({ flags: ["--stages", "2", "--request-timeout", "2.5"] });
    const { pid } = server.workerPids().find(({ stage }) => stage === 1)!;
    process.kill(pid, "SIGSTOP");
    const started = performance.now();
    // Stopped, not dead: until its lease ends the work waits on it, and a new process takes longer than the deadline.
    const response = await embed(server, "a");
    expect(response.status).toBe(503);
    // Not the default, which is 60 seconds.
    expect(performance.now() - started).toBeLessThan(15_000);
    expect(response.headers.get("retry-after")).toBe("1");
    const { error, error_type } = (await response.json()) as { error: string; error_type: string };
    expect(error_type).toBe("Unhealthy");
    expect(error).toContain(
      "stage 1 is unavailable: it was not back in time; the request's deadline of 2.5 s has passed",
    );
    await eventually(async () => expect((await embed(server, "a")).status).toBe(200), { timeout: 60_000 });
  });

  test("a stage left to a worker that never comes: probes and requests get 503 with its number, and SIGTERM ends the start", async () => {
    const port = await freePort();
    const flags = ["--stages", "2", "--external-workers", "1", "--join-token", "t".repeat(32), "--port", String(port)];
    await using server = launchServer({ flags });
    const { get, post } = requestsTo(`http://127.0.0.1:${port}`);
    await eventually(() => expect(server.log()).toContain("worker joined"), { timeout: 60_000 });
    const health = await get("/health");
    expect([health.status, await health.json()]).toEqual([
      503,
      { error: "unhealthy: stage 1 is missing", error_type: "Unhealthy" },
    ]);
    expect(health.headers.get("retry-after")).toBe("1");
    expect((await get("/readyz")).status).toBe(503);
    expect(await (await get("/livez")).json()).toEqual({ status: "starting stages" });
    const openAi = await post("/v1/embeddings", { input: "a" });
    expect(openAi.status).toBe(503);
    expect(await openAi.json()).toEqual({
      error: {
        message: "the server is starting: stage 1 is missing",
        type: "server_error",
        param: null,
        code: "not_ready",
      },
    });
    expect((await post("/embed", { inputs: "a" })).status).toBe(503);
    expect((await get("/info")).status).toBe(503);
    server.process.kill("SIGTERM");
    expect(await server.exited).toBe(0);
  });
});

describe("--api-key", () => {
  test("guards the routes that work, and /v1/models; not those of operators", async () => {
    await using server = await startServer({ flags: ["--api-key", "first"], env: {} });
    const authorization = (value: string) => ({ authorization: value });
    for (const wrong of [{}, authorization("Bearer wrong"), authorization("first"), authorization("Basic first")]) {
      const response = await server.post("/embed", { inputs: "a" }, wrong);
      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toBe("Bearer");
      expect(await response.json()).toMatchObject({
        error: expect.stringContaining("Authorization: Bearer") as string,
      });
    }
    const openAi = await server.post("/v1/embeddings", { input: "a" });
    expect([openAi.status, await openAi.json()]).toMatchObject([401, { error: { code: "invalid_api_key" } }]);
    for (const path of ["/embed_all", "/similarity", "/tokenize", "/decode", "/embeddings", "/"]) {
      expect((await server.post(path, {})).status).toBe(401);
    }
    for (const path of ["/v1/models", "/topology", "/timeline"]) {
      expect((await server.get(path)).status).toBe(401);
      expect((await server.get(path, authorization("Bearer first"))).status).toBe(200);
    }
    expect((await server.get("/v1/models/tiny-encoder", authorization("Bearer first"))).status).toBe(200);
    for (const right of ["Bearer first", "bearer first"]) {
      expect((await server.post("/embed", { inputs: "a" }, authorization(right))).status).toBe(200);
    }
    for (const path of ["/health", "/ping", "/livez", "/readyz", "/metrics", "/info", "/docs", "/openapi.json"]) {
      expect((await server.get(path)).status).toBe(200);
    }
  });

  test("several keys, from the environment too; none of them is in the log or in --print-config", async () => {
    const env = { STAGECOACH_API_KEY: "key-one,key-two", STAGECOACH_LOG_LEVEL: "trace" };
    await using server = await startServer({ env });
    for (const key of ["key-one", "key-two"]) {
      const response = await server.post("/embed", { inputs: "a" }, { authorization: `Bearer ${key}` });
      expect(response.status).toBe(200);
    }
    const joined = await server.post("/embed", { inputs: "a" }, { authorization: "Bearer key-one,key-two" });
    expect(joined.status).toBe(401);
    expect(server.log() + server.stdout()).not.toMatch(/key-(one|two)/);
  });

  test("a wrong key costs no place: the body of a stranger is not waited for", async () => {
    await using server = await startServer({ flags: ["--api-key", "first", "--max-concurrent-requests", "1"] });
    using stranger = await RawConnection.open(server.url);
    stranger.write(requestHead("/embed", 1000));
    expect(await stranger.until(/no key was given/)).toMatch(/^HTTP\/1\.1 401 /);
    expect(await inProgress(server)).toBe(0);
  });
});

describe("--host", () => {
  const outside = Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

  test.skipIf(outside === undefined)(
    `listens on loopback alone, unless told otherwise (${outside === undefined ? "skipped: this machine has no other address" : "other address present"})`,
    async () => {
      await using server = await startServer();
      const { port } = new URL(server.url);
      expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200);
      await expect(fetch(`http://${outside}:${port}/health`)).rejects.toThrow("fetch failed");
      await using open = await startServer({ flags: ["--host", "0.0.0.0"] });
      expect((await fetch(`http://${outside}:${new URL(open.url).port}/health`)).status).toBe(200);
    },
  );
});
