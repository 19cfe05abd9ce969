/** @file `/v1/embeddings` and `/v1/models` as OpenAI's clients see them, by hand and through the `openai` package. */
import OpenAI, { AuthenticationError, BadRequestError, NotFoundError, RateLimitError } from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { largestError } from "../golden/compareEncoder.ts";
import { golden, longText, TOLERANCE, unitLength } from "../harness/goldenSentences.ts";
import { metric } from "../harness/load.ts";
import { RawConnection, requestHead } from "../harness/rawConnection.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";
import { eventually } from "../harness/eventually.ts";

type Embeddings<Vector> = {
  object: string;
  data: { object: string; embedding: Vector; index: number }[];
  model: string;
  usage: { prompt_tokens: number; total_tokens: number };
};

const NAME = "org/tiny";
const shortTexts = golden.texts.filter((_, index) => index !== longText);

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ flags: ["--stages", "2", "--served-model-name", NAME] });
});
afterAll(() => server[Symbol.asyncDispose]());

async function embed<Vector = number[]>(body: object): Promise<Embeddings<Vector>> {
  const response = await server.post("/v1/embeddings", body);
  expect(response.status).toBe(200);
  return (await response.json()) as Embeddings<Vector>;
}

function floatsOf(base64: string): Float32Array {
  const bytes = Buffer.from(base64, "base64");
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

async function idsOf(text: string): Promise<number[]> {
  const response = await server.post("/tokenize", { inputs: text, add_special_tokens: false });
  const [tokens] = (await response.json()) as { id: number }[][];
  return tokens!.map(({ id }) => id);
}

describe("POST /v1/embeddings", () => {
  test("the answer has OpenAI's keys and no others", async () => {
    const answer = await embed({ input: golden.texts.slice(0, 2), model: NAME, user: "somebody" });
    expect(Object.keys(answer)).toEqual(["object", "data", "model", "usage"]);
    expect(answer).toMatchObject({ object: "list", model: NAME });
    expect(answer.data.map(({ object, index }) => ({ object, index }))).toEqual([
      { object: "embedding", index: 0 },
      { object: "embedding", index: 1 },
    ]);
    for (const each of answer.data) expect(Object.keys(each).toSorted()).toEqual(["embedding", "index", "object"]);
    expect(Object.keys(answer.usage)).toEqual(["prompt_tokens", "total_tokens"]);
  });

  test("vectors are sentence-transformers' in the order of the inputs", async () => {
    const { data } = await embed({ input: golden.texts });
    const errors = data.map(({ embedding }, index) => largestError(embedding, golden.embeddings[index]!));
    expect(Math.max(...errors)).toBeLessThan(TOLERANCE);
  });

  test("usage counts the tokens that the model saw, special ones included, after cutting", async () => {
    const { usage } = await embed({ input: golden.texts });
    const expected = golden.token_ids.reduce((total, ids) => total + ids.length, 0);
    expect(usage).toEqual({ prompt_tokens: expected, total_tokens: expected });
  });

  test("base64 holds the same float32 as float, bit for bit", async () => {
    const [floats, coded] = [
      await embed({ input: golden.texts[0] }),
      await embed<string>({ input: golden.texts[0], encoding_format: "base64" }),
    ];
    const decoded = floatsOf(coded.data[0]!.embedding);
    expect(decoded.length).toBe(32);
    expect([...decoded]).toEqual(floats.data[0]!.embedding);
    expect(floats.data[0]!.embedding.every((value) => Math.fround(value) === value)).toBe(true);
  });

  test("dimensions keeps the first values and scales them to unit length", async () => {
    const { data } = await embed({ input: shortTexts[0], dimensions: 5 });
    expect(data[0]!.embedding.length).toBe(5);
    expect(largestError(data[0]!.embedding, unitLength(golden.embeddings[0]!.slice(0, 5)))).toBeLessThan(TOLERANCE);
    expect((await embed({ input: shortTexts[0], dimensions: 32 })).data[0]!.embedding.length).toBe(32);
    const coded = await embed<string>({ input: shortTexts[0], dimensions: 5, encoding_format: "base64" });
    expect([...floatsOf(coded.data[0]!.embedding)]).toEqual(data[0]!.embedding);
  });

  test("takes what `curl -d` sends: no model, the content type of a form", async () => {
    const type = { "content-type": "application/x-www-form-urlencoded" };
    const response = await server.post("/v1/embeddings", '{"input":"hello"}', type);
    expect(response.status).toBe(200);
    const { data, model } = (await response.json()) as Embeddings<number[]>;
    expect(model).toBe(NAME);
    expect(data[0]!.embedding).toEqual((await embed({ input: "hello" })).data[0]!.embedding);
  });

  test("null, as openai's Python client sends it, is as good as nothing", async () => {
    const nothing = { model: null, encoding_format: null, dimensions: null, user: null };
    expect(await embed({ input: "hello", ...nothing })).toEqual(await embed({ input: "hello" }));
  });

  test("openai-processing-ms says how long it took, in whole milliseconds", async () => {
    const { headers } = await server.post("/v1/embeddings", { input: "hello" });
    expect(headers.get("openai-processing-ms")).toMatch(/^\d+$/);
  });

  test("token ids are used as they are, between the special tokens", async () => {
    const [text, other] = [shortTexts[1]!, shortTexts[2]!];
    const [ids, otherIds] = [await idsOf(text), await idsOf(other)];
    expect([2, ...ids, 3]).toEqual(golden.token_ids[1]);
    const [asText, asIds] = [await embed({ input: text }), await embed({ input: ids })];
    expect(asIds).toEqual(asText);
    const [texts, lists] = [await embed({ input: [text, other] }), await embed({ input: [ids, otherIds] })];
    expect(lists).toEqual(texts);
    expect(await embed({ input: [text, otherIds] })).toEqual(texts);
  });

  test("ids that no text would give make a vector of their own", async () => {
    const { data, usage } = await embed({ input: [7, 7, 7] });
    expect(usage.prompt_tokens).toBe(5);
    expect(largestError(data[0]!.embedding, golden.embeddings[0]!)).toBeGreaterThan(0.01);
  });

  test("x-truncated-inputs says how many inputs were cut", async () => {
    const count = async (input: unknown) =>
      (await server.post("/v1/embeddings", { input })).headers.get("x-truncated-inputs");
    expect(await count(golden.texts)).toBe("1");
    expect(await count(shortTexts)).toBe("0");
    expect(await count([Array(63).fill(7), Array(62).fill(7), "short"])).toBe("1");
  });

  test("x-request-id is the client's own, or a new one when that is not fit to print", async () => {
    const idFor = async (headers: Record<string, string>, body: object = { input: "a" }) =>
      (await server.post("/v1/embeddings", body, headers)).headers.get("x-request-id");
    expect(await idFor({ "x-request-id": "trace-1:a.b_c" })).toBe("trace-1:a.b_c");
    expect(await idFor({ "x-request-id": "trace-2" }, { input: "" })).toBe("trace-2");
    const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    expect(await idFor({})).toMatch(uuid);
    expect(await idFor({ "x-request-id": "a b" })).toMatch(uuid);
    expect(await idFor({ "x-request-id": "x".repeat(129) })).toMatch(uuid);
  });

  test("errors have all four keys, and name the field as the client knows it", async () => {
    const errorOf = async (body: object) => {
      const response = await server.post("/v1/embeddings", body);
      const answer = (await response.json()) as { error: Record<string, unknown> };
      expect(Object.keys(answer)).toEqual(["error"]);
      expect(Object.keys(answer.error)).toEqual(["message", "type", "param", "code"]);
      return { status: response.status, ...answer.error };
    };
    const type = "invalid_request_error";
    expect(await errorOf({ input: [] })).toMatchObject({ status: 400, type, param: "input", code: null });
    expect(await errorOf({ input: "a", dimensions: 33 })).toMatchObject({ status: 400, param: "dimensions" });
    expect(await errorOf({ input: Array(2049).fill("a") })).toMatchObject({ status: 400, param: "input" });
    expect(await errorOf({ input: [500] })).toMatchObject({ status: 400, param: "input" });
    expect(await errorOf({ input: "a", model: "gpt" })).toEqual({
      status: 404,
      type,
      param: "model",
      code: "model_not_found",
      message: "The model `gpt` does not exist; this server serves `org/tiny`",
    });
  });
});

describe("GET /v1/models", () => {
  const card = {
    id: NAME,
    object: "model",
    created: expect.any(Number) as number,
    owned_by: "stagecoach",
    // As the tiny encoder's files say.
    stagecoach: {
      task: null,
      routes: ["/v1/embeddings", "/embed", "/embed_all", "/similarity", "/attention", "/tokenize", "/decode"],
      labels: [],
      problem_type: null,
      mask_token: null,
      prompts: { query: "query: ", passage: "passage: ", document: "" },
      default_prompt_name: null,
      dimensions: 32,
      max_input_length: 64,
    },
  };

  test("lists the served model", async () => {
    const response = await server.get("/v1/models");
    expect(await response.json()).toEqual({ object: "list", data: [card] });
  });

  test("finds a model whose id has a slash, encoded and not", async () => {
    for (const path of ["org/tiny", "org%2Ftiny"]) {
      const response = await server.get(`/v1/models/${path}`);
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual(card);
    }
  });

  test("answers 404 to another name, and 400 to a path that cannot be decoded", async () => {
    const unknown = await server.get("/v1/models/org/other");
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toMatchObject({ error: { param: "model", code: "model_not_found" } });
    const damaged = await server.get("/v1/models/%E0%A4");
    expect(damaged.status).toBe(400);
    expect(await damaged.json()).toMatchObject({ error: { type: "invalid_request_error" } });
  });
});

describe("the openai package", () => {
  const clientOf = (url: string, options: object = {}) =>
    new OpenAI({ baseURL: `${url}/v1`, apiKey: "unused", maxRetries: 0, ...options });

  test("embeddings.create() as it is, which asks for base64 behind the user's back", async () => {
    const seen: string[] = [];
    const watched: typeof fetch = (input, init) => {
      seen.push(typeof init?.body === "string" ? init.body : "");
      return fetch(input, init);
    };
    const client = clientOf(server.url, { fetch: watched });
    const { data, usage, model } = await client.embeddings.create({ model: NAME, input: [...golden.texts] });
    expect(seen.map((body) => (JSON.parse(body) as { encoding_format: string }).encoding_format)).toEqual(["base64"]);
    const errors = data.map(({ embedding }, index) => largestError([...embedding], golden.embeddings[index]!));
    expect(errors.length).toBe(golden.texts.length);
    expect(Math.max(...errors)).toBeLessThan(TOLERANCE);
    expect(model).toBe(NAME);
    expect(usage.prompt_tokens).toBeGreaterThan(100);
  });

  test("embeddings.create() with encoding_format float, dimensions and token ids", async () => {
    const client = clientOf(server.url);
    const [text] = shortTexts;
    const floats = await client.embeddings.create({ model: NAME, input: text!, encoding_format: "float" });
    expect(largestError(floats.data[0]!.embedding, golden.embeddings[0]!)).toBeLessThan(TOLERANCE);
    const short = await client.embeddings.create({ model: NAME, input: await idsOf(text!), dimensions: 8 });
    const expected = unitLength(golden.embeddings[0]!.slice(0, 8));
    expect(largestError([...short.data[0]!.embedding], expected)).toBeLessThan(TOLERANCE);
  });

  test("models.list() and models.retrieve()", async () => {
    const client = clientOf(server.url);
    const names: string[] = [];
    for await (const model of client.models.list()) names.push(model.id);
    expect(names).toEqual([NAME]);
    expect(await client.models.retrieve(NAME)).toMatchObject({ id: NAME, object: "model" });
  });

  test("throws its NotFoundError and BadRequestError, with our message, code and param", async () => {
    const client = clientOf(server.url);
    const unknown = await client.embeddings.create({ model: "nobody", input: "a" }).catch((error: unknown) => error);
    expect(unknown).toBeInstanceOf(NotFoundError);
    expect(unknown).toMatchObject({ status: 404, code: "model_not_found", param: "model" });
    const empty = await client.embeddings.create({ model: NAME, input: "" }).catch((error: unknown) => error);
    expect(empty).toBeInstanceOf(BadRequestError);
    expect(empty).toMatchObject({ status: 400, code: null, param: "input", type: "invalid_request_error" });
    expect((empty as BadRequestError).message).toContain("input 0 is empty");
    expect((empty as BadRequestError).requestID).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("throws its AuthenticationError when the key is not the server's, and works with each that is", async () => {
    await using locked = await startServer({ flags: ["--api-key", "first-key", "--api-key", "second-key"] });
    const wrong = clientOf(locked.url, { apiKey: "third-key" });
    const refused = await wrong.embeddings.create({ model: "tiny-encoder", input: "a" }).catch((e: unknown) => e);
    expect(refused).toBeInstanceOf(AuthenticationError);
    expect(refused).toMatchObject({ status: 401, code: "invalid_api_key" });
    await expect(wrong.models.list()).rejects.toBeInstanceOf(AuthenticationError);
    for (const apiKey of ["first-key", "second-key"]) {
      const right = clientOf(locked.url, { apiKey });
      const { data } = await right.embeddings.create({ model: "tiny-encoder", input: shortTexts[0]! });
      expect(largestError([...data[0]!.embedding], golden.embeddings[0]!)).toBeLessThan(TOLERANCE);
    }
  });

  test("throws its RateLimitError when the server is full, or waits as Retry-After says", async () => {
    await using full = await startServer({ flags: ["--max-concurrent-requests", "1"] });
    using busy = await RawConnection.open(full.url);
    busy.write(`${requestHead("/embed", 100)}{"inputs":`);
    const inProgress = async () =>
      metric(await (await full.get("/metrics")).text(), "stagecoach_http_requests_in_progress");
    await eventually(async () => expect(await inProgress()).toBe(1));
    const request = { model: "tiny-encoder", input: shortTexts[0]! };
    const refused = await clientOf(full.url)
      .embeddings.create(request)
      .catch((e: unknown) => e);
    expect(refused).toBeInstanceOf(RateLimitError);
    expect(refused).toMatchObject({ status: 429, code: "rate_limit_exceeded", type: "rate_limit_error" });
    expect((refused as RateLimitError).headers?.get("retry-after")).toBe("1");

    const statuses: number[] = [];
    const freeing: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      statuses.push(response.status);
      busy.destroy();
      await eventually(async () => expect(await inProgress()).toBe(0));
      return response;
    };
    const started = performance.now();
    const { data } = await clientOf(full.url, { maxRetries: 1, fetch: freeing }).embeddings.create(request);
    expect(statuses).toEqual([429, 200]);
    // Without the header the client would try again after half a second.
    expect(performance.now() - started).toBeGreaterThanOrEqual(990);
    expect(largestError([...data[0]!.embedding], golden.embeddings[0]!)).toBeLessThan(TOLERANCE);
  });
});
