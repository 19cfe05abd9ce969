/**
 * @file Requests that are wrong, hostile or strange. Wrong ones get a clear 4xx in the shape of their route's family, strange ones their
 * vector, and after each of them the server gives the next client the right answer.
 */
import { gzipSync } from "node:zlib";
import { afterEach, afterAll, beforeAll, describe, expect, test } from "vitest";
import { largestError } from "../golden/compareEncoder.ts";
import { golden, TOLERANCE } from "../harness/goldenSentences.ts";
import { metric } from "../harness/load.ts";
import { RawConnection, requestHead } from "../harness/rawConnection.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";
import { eventually } from "../harness/eventually.ts";

const BODY_TIMEOUT_S = 2;
const json = { "content-type": "application/json" };

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ flags: ["--stages", "2", "--body-timeout", String(BODY_TIMEOUT_S)] });
});
afterAll(() => server[Symbol.asyncDispose]());
afterEach(expectRightAnswer);

async function expectRightAnswer(): Promise<void> {
  const response = await server.post("/v1/embeddings", { input: golden.texts[0] });
  const { data } = (await response.json()) as { data: { embedding: number[] }[] };
  expect(largestError(data[0]!.embedding, golden.embeddings[0]!)).toBeLessThan(TOLERANCE);
}

async function gauge(name: string): Promise<number> {
  return metric(await (await server.get("/metrics")).text(), name);
}

const inProgress = () => gauge("stagecoach_http_requests_in_progress");

const openAiKeys = ["message", "type", "param", "code"];
const nativeKeys = ["error", "error_type"];

/** What the server says is wrong, after the shape of the body was checked. */
async function problemOf(path: string, body: unknown, init: RequestInit = {}) {
  const text = typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body);
  const sent = init.method === "GET" ? {} : { body: text };
  const response = await fetch(new URL(path, server.url), {
    method: "POST",
    headers: json,
    ...sent,
    ...init,
  });
  const answer = (await response.json()) as Record<string, unknown>;
  const isOpenAi = path.startsWith("/v1/");
  const facts = (isOpenAi ? answer["error"] : answer) as Record<string, string | null>;
  expect(Object.keys(facts)).toEqual(isOpenAi ? openAiKeys : nativeKeys);
  expect(response.headers.get("x-request-id")).not.toBeNull();
  return {
    status: response.status,
    message: String(facts["message"] ?? facts["error"]),
    /** The field, which OpenAI's shape has apart from the message. */
    param: facts["param"],
    errorType: facts["error_type"],
    headers: response.headers,
  };
}

const wrongInputStatus = (path: string) => (path.startsWith("/v1/") ? 400 : 422);

type Case = {
  readonly name: string;
  readonly path: string;
  readonly body: unknown;
  readonly status: number;
  readonly message: RegExp;
};

describe("values that do not fit", () => {
  const long = "x ".repeat(100);
  const cases: readonly (readonly [string, string, unknown, number, RegExp])[] = [
    ["an empty text", "/v1/embeddings", { input: "" }, 400, /^input 0 is empty/],
    ["an empty text", "/embed", { inputs: "" }, 400, /^input 0 is empty/],
    ["an empty list", "/v1/embeddings", { input: [] }, 400, /^`input` cannot be empty/],
    ["an empty list", "/embed", { inputs: [] }, 400, /^`inputs` cannot be empty/],
    ["an empty list", "/embed_all", { inputs: [] }, 400, /^`inputs` cannot be empty/],
    ["an empty text in a list", "/v1/embeddings", { input: ["a", "", "b"] }, 400, /^input 1 is empty/],
    ["an empty text in a list", "/embed_all", { inputs: ["a", "b", ""] }, 400, /^input 2 is empty/],
    ["no token ids in a list", "/embed", { inputs: [[5], []] }, 400, /^input 1 is empty/],
    ["a list of 5,000", "/v1/embeddings", { input: Array(5000).fill("a") }, 400, /`input`.* 5000 > .* 2048/],
    ["a list of 5,000", "/embed", { inputs: Array(5000).fill("a") }, 422, /`inputs`.* 5000 > .* 2048/],
    ["a list of 5,000", "/tokenize", { inputs: Array(5000).fill("a") }, 422, /`inputs`.* 5000 > .* 2048/],
    ["an id beyond the vocabulary", "/v1/embeddings", { input: [5, 200] }, 400, /^input 0: .* 0 to 199, got 200/],
    ["an id beyond the vocabulary", "/embed", { inputs: [["a"], [200]].slice(1) }, 422, /0 to 199, got 200/],
    ["a negative id", "/v1/embeddings", { input: [[5], [-1]] }, 400, /^input 1: .* 0 to 199, got -1/],
    ["a fractional id", "/v1/embeddings", { input: [1, 1.5] }, 400, /`input\.1`: .*int/],
    ["an id of 2^40", "/v1/embeddings", { input: [2 ** 40] }, 400, /0 to 199, got 1099511627776/],
    ["an id of 1e300", "/embed", { inputs: [1e300] }, 422, /`inputs\.0`/],
    [
      "a long text that may not be cut",
      "/embed",
      { inputs: ["a", long], truncate: false },
      422,
      /^input 1: .* 64 tokens/,
    ],
    ["dimensions 0", "/v1/embeddings", { input: "a", dimensions: 0 }, 400, /`dimensions`: expected 1 to 32.* got 0/],
    ["dimensions 33", "/embed", { inputs: "a", dimensions: 33 }, 422, /`dimensions`: expected 1 to 32.* got 33/],
    ["dimensions 2.5", "/v1/embeddings", { input: "a", dimensions: 2.5 }, 400, /`dimensions`: .*int/],
    ["dimensions -1", "/embed", { inputs: "a", dimensions: -1 }, 422, /`dimensions`: expected 1 to 32/],
    ["an unknown model", "/v1/embeddings", { input: "a", model: "b" }, 404, /`b` does not exist.*`tiny-encoder`/],
    ["an unknown model", "/answer", { inputs: { question: "a", context: "b" }, model: "b" }, 404, /`b` does not exist/],
    [
      "a model of no task",
      "/answer",
      { inputs: { question: "a", context: "b" } },
      424,
      /`tiny-encoder` only gives emb/,
    ],
    ["an unknown model", "/fill-mask", { inputs: "a [MASK]", model: "b" }, 404, /`b` does not exist/],
    ["a model of no task", "/fill-mask", { inputs: "a [MASK]" }, 424, /masked-lm or pretraining; `tiny-encoder` only/],
    [
      "a prompt for token ids",
      "/embed",
      { inputs: ["a", [5]], prompt_name: "query" },
      422,
      /put the prompt before, .*input 1/,
    ],
    ["an unknown prompt", "/embed", { inputs: "a", prompt_name: "b" }, 422, /`prompt_name`: .*query.* got "b"/],
  ];
  const named: Case[] = cases.map(([name, path, body, status, message]) => ({ name, path, body, status, message }));
  test.each(named)("$name to $path", async ({ path, body, status, message }) => {
    const problem = await problemOf(path, body);
    expect(problem.message).toMatch(message);
    expect(problem.status).toBe(status);
  });
});

describe("values of the wrong type", () => {
  const question = { question: "a", context: "b" };
  const ours: readonly (readonly [path: string, field: string, body: Record<string, unknown>])[] = [
    ...([5, true, {}, null, [true], ["a", 3], [3, "a"], [["a"]], [[[1]]], [null]] as const).flatMap((value) => [
      ["/v1/embeddings", "input", { input: value }] as const,
      ["/embed", "inputs", { inputs: value }] as const,
      ["/embed_all", "inputs", { inputs: value }] as const,
    ]),
    ...([5, ["a"], {}] as const).map((model) => ["/v1/embeddings", "model", { input: "a", model }] as const),
    ...(["md5", 5, "Float"] as const).map(
      (encoding_format) => ["/v1/embeddings", "encoding_format", { input: "a", encoding_format }] as const,
    ),
    ...(["5", [5], true] as const).flatMap((dimensions) => [
      ["/v1/embeddings", "dimensions", { input: "a", dimensions }] as const,
      ["/embed", "dimensions", { inputs: "a", dimensions }] as const,
    ]),
    ["/v1/embeddings", "user", { input: "a", user: 5 }],
    ["/embed", "normalize", { inputs: "a", normalize: "yes" }],
    ["/embed", "truncate", { inputs: "a", truncate: 1 }],
    ["/embed", "truncation_direction", { inputs: "a", truncation_direction: "Up" }],
    ["/embed", "prompt_name", { inputs: "a", prompt_name: ["query"] }],
    ["/embed_all", "truncate", { inputs: "a", truncate: "false" }],
    ["/similarity", "inputs", { inputs: "a" }],
    ["/similarity", "inputs.source_sentence", { inputs: { source_sentence: 5, sentences: ["a"] } }],
    ["/similarity", "inputs.sentences", { inputs: { source_sentence: "a", sentences: "b" } }],
    ["/similarity", "inputs.sentences.1", { inputs: { source_sentence: "a", sentences: ["b", [1]] } }],
    ["/similarity", "parameters", { inputs: { source_sentence: "a", sentences: ["b"] }, parameters: 5 }],
    [
      "/similarity",
      "parameters.truncate",
      { inputs: { source_sentence: "a", sentences: ["b"] }, parameters: { truncate: 5 } },
    ],
    ["/answer", "inputs", { inputs: "a" }],
    ["/answer", "inputs.context", { inputs: { question: "a" } }],
    ["/answer", "inputs.1.question", { inputs: [question, { ...question, question: 5 }] }],
    ["/answer", "top_k", { inputs: question, top_k: "3" }],
    ["/answer", "handle_impossible_answer", { inputs: question, handle_impossible_answer: 1 }],
    ["/answer", "doc_stride", { inputs: question, doc_stride: -1 }],
    ["/answer", "parameters.max_answer_len", { inputs: question, parameters: { max_answer_len: 1.5 } }],
    ["/answer", "offset_unit", { inputs: question, offset_unit: "bytes" }],
    ["/answer", "model", { inputs: question, model: 5 }],
    ["/fill-mask", "inputs", { inputs: 5 }],
    ["/fill-mask", "inputs.1", { inputs: ["[MASK]", 5] }],
    ["/fill-mask", "top_k", { inputs: "[MASK]", top_k: 1001 }],
    ["/fill-mask", "targets", { inputs: "[MASK]", targets: "a" }],
    ["/fill-mask", "targets.0", { inputs: "[MASK]", targets: [5] }],
    ["/fill-mask", "parameters", { inputs: "[MASK]", parameters: [] }],
    ["/fill-mask", "truncate", { inputs: "[MASK]", truncate: "no" }],
    ["/tokenize", "inputs", { inputs: 5 }],
    ["/tokenize", "add_special_tokens", { inputs: "a", add_special_tokens: 1 }],
    ["/decode", "ids", { ids: "a" }],
    ["/decode", "ids", { ids: [5, [5]] }],
    ["/decode", "skip_special_tokens", { ids: [5], skip_special_tokens: "no" }],
  ];
  const named = ours.map(([path, field, body]) => ({ path, field, text: JSON.stringify(body) }));
  test.each(named)("$path $text names the field", async ({ path, field, text }) => {
    const { status, message, param } = await problemOf(path, text);
    expect(status).toBe(wrongInputStatus(path));
    expect(message).toContain(`\`${field}`);
    expect(path.startsWith("/v1/") ? param : field).toMatch(new RegExp(`^${field}`));
  });

  test("in a list, the entry that is wrong is named", async () => {
    expect((await problemOf("/embed", { inputs: ["a", "b", 3] })).message).toContain("`inputs.2`");
    expect((await problemOf("/embed", { inputs: ["a", [5, "b"]] })).message).toContain("`inputs.1.1`");
    expect((await problemOf("/v1/embeddings", { input: [5, 6, "b"] })).param).toBe("input.2");
  });

  test.each([
    "/v1/embeddings",
    "/embed",
    "/embed_all",
    "/similarity",
    "/tokenize",
    "/decode",
    "/answer",
    "/fill-mask",
    "/attention",
  ])("%s refuses fields that it does not know, those of Object included", async (path) => {
    const body: Record<string, unknown> = {
      "/v1/embeddings": { input: "a" },
      "/similarity": { inputs: { source_sentence: "a", sentences: ["b"] } },
      "/decode": { ids: [5] },
      "/answer": { inputs: question },
    }[path] ?? { inputs: "a" };
    for (const field of ["normalise", "__proto__", "constructor", "toString"]) {
      const text = `${JSON.stringify(body).slice(0, -1)},"${field}":{"normalize":false}}`;
      const { status, message } = await problemOf(path, text);
      expect(message).toContain(`"${field}"`);
      expect(status).toBe(wrongInputStatus(path));
    }
  });
});

describe("bodies that are no JSON object", () => {
  test.each([
    ["half a value", '{"input":', /not JSON/],
    ["text", "hello", /not JSON/],
    ["two values", '{"input":"a"}{"input":"b"}', /not JSON/],
    ["a list", "[]", /expected object, received array/],
    ["null", "null", /expected object, received null/],
    ["a string", '"a"', /expected object, received string/],
  ])("%s", async (_, body, message) => {
    for (const path of ["/v1/embeddings", "/embed"]) {
      const problem = await problemOf(path, body);
      expect(problem.message).toMatch(message);
      expect([400, 422]).toContain(problem.status);
    }
  });

  test("nothing at all", async () => {
    const problem = await problemOf("/embed", undefined, { body: null });
    expect([problem.status, problem.message]).toEqual([400, "expected a JSON object as the body, got none"]);
  });

  test("bytes that are no UTF-8 are refused, not replaced", async () => {
    const body = Buffer.concat([Buffer.from('{"input":"caf'), Buffer.from([0xe9]), Buffer.from('"}')]);
    const problem = await problemOf("/v1/embeddings", body);
    expect([problem.status, problem.message]).toEqual([400, "the body is not UTF-8 (send JSON in UTF-8)"]);
  });

  test("a hundred thousand nested lists", async () => {
    const deep = `{"inputs":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
    const problem = await problemOf("/embed", deep);
    expect([400, 422]).toContain(problem.status);
    const deepObject = `{"inputs":${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}}`;
    expect([400, 422]).toContain((await problemOf("/embed", deepObject)).status);
  });
});

describe("bodies that are too large", () => {
  test.each(["/v1/embeddings", "/embed", "/tokenize"])("10 MB to %s is 413 with the limit", async (path) => {
    const problem = await problemOf(path, { input: "a".repeat(10_000_000) });
    expect(problem.status).toBe(413);
    expect(problem.message).toContain("2000000 bytes");
  });

  test("10 MB in chunks, without a length", async () => {
    const chunk = Buffer.alloc(100_000, "a");
    const body = new ReadableStream({
      start(controller) {
        for (let count = 0; count < 100; count++) controller.enqueue(chunk);
        controller.close();
      },
    });
    const problem = await problemOf("/embed", undefined, { body, duplex: "half" });
    expect(problem.status).toBe(413);
  });

  test("20 MB packed into 20 KB", async () => {
    const body = gzipSync(JSON.stringify({ inputs: "a".repeat(20_000_000) }));
    expect(body.length).toBeLessThan(30_000);
    const problem = await problemOf("/embed", body, { headers: { ...json, "content-encoding": "gzip" } });
    expect(problem.status).toBe(413);
  });
});

describe("encodings of the body", () => {
  const packed = gzipSync(JSON.stringify({ inputs: golden.texts[0] }));
  const send = (body: Uint8Array<ArrayBuffer>, encoding: string) =>
    fetch(`${server.url}/embed`, { method: "POST", headers: { ...json, "content-encoding": encoding }, body });

  test("gzip is understood", async () => {
    const response = await send(Uint8Array.from(packed), "gzip");
    expect(response.status).toBe(200);
    const [vector] = (await response.json()) as number[][];
    expect(largestError(vector!, golden.embeddings[0]!)).toBeLessThan(TOLERANCE);
  });

  test.each([
    ["damaged gzip", Uint8Array.from(packed, (byte, index) => (index > 15 ? byte ^ 0x55 : byte)), "gzip"],
    ["half of a gzip", Uint8Array.from(packed.subarray(0, 30)), "gzip"],
    ["no gzip at all", Uint8Array.from(Buffer.from('{"inputs":"a"}')), "gzip"],
    ["an unknown encoding", Uint8Array.from(packed), "lzma"],
  ])("%s is a 400", async (_, body, encoding) => {
    const response = await send(body, encoding);
    expect(await response.json()).toMatchObject({
      error_type: "Validation",
      error: expect.stringContaining("the body"),
    });
    expect(response.status).toBe(400);
  });

  test("the content type's charset changes nothing: JSON is UTF-8", async () => {
    const body = JSON.stringify({ inputs: golden.texts[6] });
    for (const charset of ["utf8", "latin1", "nonsense"]) {
      const response = await server.post("/embed", body, { "content-type": `application/json; charset=${charset}` });
      const [vector] = (await response.json()) as number[][];
      expect(largestError(vector!, golden.embeddings[6]!)).toBeLessThan(TOLERANCE);
    }
  });
});

describe("wrong routes and methods", () => {
  test.each([
    ["GET", "/v1/embeddings", "POST"],
    ["PUT", "/embed", "POST"],
    ["PUT", "/v1/models/tiny-encoder", "GET, HEAD, DELETE"],
    ["POST", "/metrics", "GET, HEAD"],
    ["PATCH", "/", "POST, GET, HEAD"],
    ["POST", "/openapi.json", "GET, HEAD"],
    ["POST", "/docs", "GET, HEAD"],
  ])("%s %s is 405, Allow: %s", async (method, path, allowed) => {
    const problem = await problemOf(path, "{}", { method });
    expect(problem.status).toBe(405);
    expect(problem.headers.get("allow")).toBe(allowed);
    expect(problem.message).toContain(method);
  });

  test("the model that the server was started with cannot be deleted", async () => {
    const problem = await problemOf("/v1/models/tiny-encoder", "{}", { method: "DELETE" });
    expect(problem.status).toBe(409);
    expect(problem.message).toContain("was started with");
  });

  test.each(["/nope", "/v1/nope", "/v1/chat/completions", "/embed/x", "/__proto__", "/docs/assets/nope.js"])(
    "%s is 404",
    async (path) => {
      const problem = await problemOf(path, "{}");
      expect(problem.status).toBe(404);
      expect(problem.message).toContain(path);
    },
  );

  test.each([
    "/docs/assets/../../package.json",
    "/docs/assets/%2e%2e%2fpackage.json",
    "/docs/assets/..%2f..%2fws%2fpackage.json",
  ])("%s does not leave the folder", async (path) => {
    using connection = await RawConnection.open(server.url);
    connection.write(`GET ${path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n`);
    await connection.closed;
    expect(connection.received()).toMatch(/^HTTP\/1\.1 40[34]/);
    expect(connection.received()).not.toContain('"dependencies"');
  });
});

describe("connections", () => {
  test("a body that never ends is cut off with 408, and its place is free again", async () => {
    using connection = await RawConnection.open(server.url);
    connection.write(`${requestHead("/v1/embeddings")}5\r\n{"inp\r\n`);
    await eventually(async () => expect(await inProgress()).toBe(1));
    const trickle = setInterval(() => connection.write("1\r\na\r\n"), 100);
    await connection.closed;
    clearInterval(trickle);
    expect(connection.received()).toMatch(/^HTTP\/1\.1 408 /);
    expect(connection.received()).toContain(`not complete within the ${BODY_TIMEOUT_S} s`);
    expect(connection.received()).toContain('"param":null');
    await eventually(async () => expect(await inProgress()).toBe(0));
    const scrape = await (await server.get("/metrics")).text();
    expect(metric(scrape, 'stagecoach_http_requests_total{route="/v1/embeddings",method="POST",status="408"}')).toBe(1);
  });

  test("a body that never ends and has gone beyond the limit is cut off as well", async () => {
    using connection = await RawConnection.open(server.url);
    const chunk = `186a0\r\n${"a".repeat(100_000)}\r\n`;
    connection.write(`${requestHead("/embed")}${chunk.repeat(30)}`);
    const trickle = setInterval(() => connection.write(chunk), 100);
    await connection.closed;
    clearInterval(trickle);
    expect(connection.received()).toMatch(/^HTTP\/1\.1 4(08|13) /);
    await eventually(async () => expect(await inProgress()).toBe(0));
  });

  test("half a body, then gone: the place is free again", async () => {
    const connections = await Promise.all(Array.from({ length: 5 }, () => RawConnection.open(server.url)));
    for (const each of connections) each.write(`${requestHead("/embed", 1000)}{"inputs":`);
    await eventually(async () => expect(await inProgress()).toBe(5));
    for (const each of connections) each.destroy();
    await eventually(async () => expect(await inProgress()).toBe(0));
  });

  test("1,000 connections that send nothing: others are served meanwhile, and they are closed in time", async () => {
    const silent = await Promise.all(Array.from({ length: 1000 }, () => RawConnection.open(server.url)));
    for (let turn = 0; turn < 5; turn++) await expectRightAnswer();
    expect(silent.some(({ isOpen }) => isOpen)).toBe(true);
    await Promise.all(silent.map(({ closed }) => closed));
    for (const each of silent) expect(each.received()).toMatch(/^HTTP\/1\.1 408 .*not complete within the 2 s/s);
  }, 30_000);

  test("headers that are too large are 431", async () => {
    using connection = await RawConnection.open(server.url);
    connection.write(`GET /health HTTP/1.1\r\nHost: test\r\nX-Large: ${"a".repeat(20_000)}\r\n\r\n`);
    await connection.closed;
    expect(connection.received()).toMatch(/^HTTP\/1\.1 431 .*headers are larger than 16 KB/s);
  });

  test.each([
    ["no HTTP", "\u0016\u0003\u0001\u0002\u0000hello\r\n\r\n"],
    ["another protocol", "SSH-2.0-OpenSSH_9.7\r\n"],
    ["a method that does not exist", "FETCH / HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["two lengths", "POST /embed HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"],
    [
      "a length and chunks",
      "POST /embed HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
  ])("%s is a 400", async (_, text) => {
    using connection = await RawConnection.open(server.url);
    connection.write(text);
    await connection.closed;
    expect(connection.received()).toMatch(/^HTTP\/1\.1 400 .*"error_type":"Validation"/s);
  });

  test("Expect: 100-continue is answered before the body comes", async () => {
    using connection = await RawConnection.open(server.url);
    const body = JSON.stringify({ inputs: "short" });
    const head = requestHead("/embed", body.length).replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n");
    connection.write(head);
    await connection.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
    connection.write(body);
    expect(await connection.until(/HTTP\/1\.1 200 OK.*\]\]/s)).toContain("x-compute-tokens");
  });

  test("requests one after another on a connection, one of them wrong", async () => {
    using connection = await RawConnection.open(server.url);
    const [wrong, right] = ['{"inputs":""}', '{"inputs":"short"}'];
    connection.write(`${requestHead("/embed", wrong.length)}${wrong}${requestHead("/embed", right.length)}${right}`);
    expect(await connection.until(/HTTP\/1\.1 400 .*HTTP\/1\.1 200 .*\]\]/s)).toContain('"error_type":"Empty"');
  });
});

describe("strange but valid", () => {
  async function vectorOf(input: string): Promise<number[]> {
    const response = await server.post("/embed", { inputs: input });
    expect(response.status).toBe(200);
    const [vector] = (await response.json()) as number[][];
    expect(vector!.length).toBe(32);
    expect(Math.abs(Math.hypot(...vector!) - 1)).toBeLessThan(1e-6);
    return vector!;
  }

  test("NUL and other control characters are cleaned away, as BERT's normalizer does", async () => {
    expect(await vectorOf("sh\u0000ort")).toEqual(await vectorOf("short"));
    expect(await vectorOf("\u0000")).toEqual(await vectorOf("\u0001"));
  });

  test("lone surrogates count as one unknown character each", async () => {
    const response = await fetch(`${server.url}/embed`, {
      method: "POST",
      headers: json,
      body: '{"inputs":["a \\ud800 b","a \\udfff b","a \\ufffd b"]}',
    });
    expect(response.status).toBe(200);
    const vectors = (await response.json()) as number[][];
    expect(vectors[0]).toEqual(vectors[2]);
    expect(vectors[1]).toEqual(vectors[2]);
    const tokens = await server.post("/tokenize", '{"inputs":"a \\ud800 b"}');
    expect(((await tokens.json()) as { start: number; stop: number }[][])[0]!.at(-2)).toMatchObject({
      start: 6,
      stop: 7,
    });
  });

  test.each([
    [
      "emoji of several code points",
      "\u{1F468}\u200D\u{1F469}\u200D\u{1F467}\u200D\u{1F466} \u{1F44D}\u{1F3FD} \u{1F1E9}\u{1F1EA}",
    ],
    ["right-to-left text", "\u05E9\u05DC\u05D5\u05DD \u0645\u0631\u062D\u0628\u0627 \u202Eabc\u202C"],
    ["a byte order mark", "\uFEFFshort"],
    ["text of control characters alone", "\u0001\u0002"],
    ["a single combining mark", "\u0301"],
    ["non-characters", "\uFFFE\uFFFF\u{10FFFF}"],
    ["a thousand combining marks on one letter", `e${"\u0301".repeat(1000)}`],
    ["special tokens by name", "[CLS] [SEP] [MASK] [PAD]"],
  ])("%s", async (_, input) => {
    expect(await vectorOf(input)).toEqual(await vectorOf(input));
  });

  test("only white space is a text without words: the special tokens alone", async () => {
    const response = await server.post("/embed", { inputs: " \t\n\u00A0\u3000 " });
    expect(response.headers.get("x-compute-tokens")).toBe("2");
    expect(response.status).toBe(200);
  });

  test("one word of a megabyte, and a megabyte of words, are cut", async () => {
    await using large = await startServer({ flags: ["--payload-limit", "3MB"] });
    const word = "a".repeat(1_048_576);
    const words = "the layers ".repeat(95_325);
    const cjk = "\u4E2D".repeat(700_000);
    for (const [input, truncated] of [
      [word, "0"],
      [words, "1"],
      [cjk, "1"],
    ] as const) {
      const started = performance.now();
      const response = await large.post("/v1/embeddings", { input });
      expect(response.status).toBe(200);
      // A word beyond the tokenizer's 100 characters is one unknown token: nothing is left to cut.
      expect(response.headers.get("x-truncated-inputs")).toBe(truncated);
      expect(performance.now() - started).toBeLessThan(20_000);
    }
    const refused = await large.post("/embed", { inputs: words, truncate: false });
    expect(refused.status).toBe(422);
    const left = await large.post("/embed", { inputs: words, truncation_direction: "Left" });
    expect(left.status).toBe(200);
    expect((await large.post("/embed", { inputs: "a".repeat(3_000_001) })).status).toBe(413);
  });
});
