/** @file text-embeddings-inference's routes, by hand and through `@huggingface/inference`. Shapes as of its release 1.9.3. */
import { featureExtraction, sentenceSimilarity } from "@huggingface/inference";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { largestError } from "../golden/compareEncoder.ts";
import { golden, longText, TOLERANCE, unitLength } from "../harness/goldenSentences.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";

type Token = { id: number; text: string; special: boolean; start: number | null; stop: number | null };

const MAX_LENGTH = 64;
const [CLS, SEP] = [2, 3];
const shortTexts = golden.texts.filter((_, index) => index !== longText);
const shortEmbeddings = golden.embeddings.filter((_, index) => index !== longText);

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ flags: ["--stages", "2"] });
});
afterAll(() => server[Symbol.asyncDispose]());

async function ask<Answer>(path: string, body: object): Promise<Answer> {
  const response = await server.post(path, body);
  expect({ path, status: response.status }).toEqual({ path, status: 200 });
  return (await response.json()) as Answer;
}

async function problemOf(path: string, body: object) {
  const response = await server.post(path, body);
  const answer = (await response.json()) as { error: string; error_type: string };
  expect(Object.keys(answer)).toEqual(["error", "error_type"]);
  return { status: response.status, ...answer };
}

const embed = (body: object) => ask<number[][]>("/embed", body);
const worst = (actual: readonly number[][], expected: readonly (readonly number[])[]) =>
  Math.max(...expected.map((row, index) => largestError(actual[index]!, row)));
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, index) => sum + value * b[index]!, 0);
async function idsOf(text: string): Promise<number[]> {
  const [tokens] = await ask<Token[][]>("/tokenize", { inputs: text, add_special_tokens: false });
  return tokens!.map(({ id }) => id);
}

describe("POST /embed", () => {
  test("gives a list of vectors, also for a single input", async () => {
    for (const inputs of [shortTexts[0]!, [shortTexts[0]!], await idsOf(shortTexts[0]!)]) {
      const vectors = await embed({ inputs });
      expect(vectors.length).toBe(1);
      expect(worst(vectors, [shortEmbeddings[0]!])).toBeLessThan(TOLERANCE);
    }
  });

  test("vectors are sentence-transformers'; POST / gives the same", async () => {
    const vectors = await embed({ inputs: golden.texts });
    expect(worst(vectors, golden.embeddings)).toBeLessThan(TOLERANCE);
    expect(await ask("/", { inputs: golden.texts })).toEqual(vectors);
  });

  test("normalize false leaves the length as pooling gives it", async () => {
    const raw = await embed({ inputs: shortTexts, normalize: false });
    expect(raw.some((vector) => Math.abs(Math.hypot(...vector) - 1) > 0.1)).toBe(true);
    expect(worst(raw.map(unitLength), shortEmbeddings)).toBeLessThan(TOLERANCE);
    expect(await embed({ inputs: shortTexts, normalize: true })).toEqual(await embed({ inputs: shortTexts }));
  });

  test("dimensions keeps the first values, scaled to unit length unless normalize is false", async () => {
    const cut = await embed({ inputs: shortTexts, dimensions: 7 });
    const expected = shortEmbeddings.map((row) => unitLength(row.slice(0, 7)));
    expect(worst(cut, expected)).toBeLessThan(TOLERANCE);
    const raw = await embed({ inputs: shortTexts, normalize: false });
    expect(await embed({ inputs: shortTexts, normalize: false, dimensions: 7 })).toEqual(
      raw.map((row) => row.slice(0, 7)),
    );
  });

  test("cuts what is too long at the end that is asked for", async () => {
    const words = "the quick brown fox jumps over the lazy dog and layers of workers pass ".repeat(6);
    const ids = await idsOf(words);
    const room = MAX_LENGTH - 2;
    expect(ids.length).toBeGreaterThan(2 * room);
    const ofIds = async (kept: number[]) => embed({ inputs: kept, truncate: false });
    const [first, last] = [await ofIds(ids.slice(0, room)), await ofIds(ids.slice(-room))];
    expect(largestError(first[0]!, last[0]!)).toBeGreaterThan(1e-3);
    const cut = (direction?: string) =>
      embed({ inputs: words, truncate: true, ...(direction && { truncation_direction: direction }) });
    expect(await cut()).toEqual(first);
    expect(await cut("Right")).toEqual(first);
    expect(await cut("right")).toEqual(first);
    expect(await cut("Left")).toEqual(last);
    expect(await cut("left")).toEqual(last);
    expect(await embed({ inputs: ids, truncate: true, truncation_direction: "Left" })).toEqual(last);
  });

  test("without `truncate` it cuts as the server's default says, and counts what it cut in a header", async () => {
    const response = await server.post("/embed", { inputs: golden.texts, truncate: null });
    expect(response.status).toBe(200);
    expect(response.headers.get("x-truncated-inputs")).toBe("1");
  });

  test("truncate false refuses what is too long, with its number and the limit", async () => {
    const { status, error, error_type } = await problemOf("/embed", { inputs: golden.texts, truncate: false });
    expect({ status, error_type }).toEqual({ status: 422, error_type: "Validation" });
    expect(error).toContain(`input ${longText}: expected at most ${MAX_LENGTH} tokens`);
    expect((await embed({ inputs: Array(MAX_LENGTH - 2).fill(7), truncate: false })).length).toBe(1);
    expect((await problemOf("/embed", { inputs: Array(MAX_LENGTH - 1).fill(7), truncate: false })).status).toBe(422);
  });

  test("prompt_name puts the model's prompt before each text; null takes none", async () => {
    const vectors = await embed({ inputs: golden.texts, prompt_name: "query" });
    expect(worst(vectors, golden.query_embeddings)).toBeLessThan(TOLERANCE);
    expect(await embed({ inputs: shortTexts, prompt_name: null })).toEqual(await embed({ inputs: shortTexts }));
  });

  test.each(["nope", "constructor", "__proto__", "toString"])(
    "prompt_name %s is refused with the names",
    async (name) => {
      const { status, error, error_type } = await problemOf("/embed", { inputs: "a", prompt_name: name });
      expect({ status, error_type }).toEqual({ status: 422, error_type: "Validation" });
      expect(error).toBe(
        `\`prompt_name\`: expected one of the model's prompts (document, passage, query), got "${name}"`,
      );
    },
  );

  test("headers say what the request cost", async () => {
    const { headers } = await server.post("/embed", { inputs: ["hello", "short"] });
    expect(headers.get("x-compute-type")).toBe("cpu");
    expect(headers.get("x-compute-characters")).toBe("10");
    const ids = [await idsOf("hello"), await idsOf("short")];
    expect(headers.get("x-compute-tokens")).toBe(String(ids.flat().length + 4));
    const times = ["compute-time", "total-time", "tokenization-time", "queue-time", "inference-time"];
    for (const name of times) expect(headers.get(`x-${name}`)).toMatch(/^\d+$/);
  });

  test("characters are code points, as there", async () => {
    const { headers } = await server.post("/embed", { inputs: "a\u{1F600}" });
    expect(headers.get("x-compute-characters")).toBe("2");
  });
});

describe("POST /embed_all", () => {
  test("gives one row per token, special ones included, whose mean is the sentence's vector", async () => {
    const all = await ask<number[][][]>("/embed_all", { inputs: golden.texts });
    expect(all.map((rows) => rows.length)).toEqual(golden.token_ids.map((ids) => ids.length));
    const means = all.map((rows) => rows[0]!.map((_, d) => rows.reduce((sum, row) => sum + row[d]!, 0) / rows.length));
    const raw = await embed({ inputs: golden.texts, normalize: false });
    // Float32 sums of up to 64 rows of size 1 to 3 against float64 ones.
    expect(worst(means, raw)).toBeLessThan(5e-6);
    expect(worst(means.map(unitLength), golden.embeddings)).toBeLessThan(5e-6);
  });

  test("a single input gives a list of one; prompt_name, truncate and direction work as for /embed", async () => {
    const one = await ask<number[][][]>("/embed_all", { inputs: "short" });
    expect([one.length, one[0]!.length, one[0]![0]!.length]).toEqual([1, golden.token_ids[4]!.length, 32]);
    const prompted = await ask<number[][][]>("/embed_all", { inputs: "short", prompt_name: "query" });
    expect(prompted[0]!.length).toBeGreaterThan(one[0]!.length);
    const long = { inputs: golden.texts[longText]!, truncate: true, truncation_direction: "Left" };
    expect((await ask<number[][][]>("/embed_all", long))[0]!.length).toBe(MAX_LENGTH);
    expect(await problemOf("/embed_all", { ...long, truncate: false })).toMatchObject({ status: 422 });
    expect(await problemOf("/embed_all", { inputs: "a", normalize: true })).toMatchObject({ status: 422 });
  });
});

describe("POST /similarity", () => {
  const [source, ...sentences] = shortTexts;

  test("gives the cosine of the source with each sentence", async () => {
    const cosines = await ask<number[]>("/similarity", {
      inputs: { source_sentence: source, sentences: [source, ...sentences] },
    });
    expect(cosines[0]).toBeCloseTo(1, 6);
    const expected = shortEmbeddings.map((vector) => dot(shortEmbeddings[0]!, vector));
    expect(largestError(cosines, expected)).toBeLessThan(4e-6);
    const vectors = await embed({ inputs: shortTexts });
    const own = vectors.map((vector) => dot(vectors[0]!, vector));
    expect(largestError(cosines, own)).toBeLessThan(1e-6);
  });

  test("parameters apply to all sentences", async () => {
    const parameters = { prompt_name: "query", truncate: true, truncation_direction: "Right" };
    const inputs = { source_sentence: golden.texts[0], sentences: golden.texts };
    const cosines = await ask<number[]>("/similarity", { inputs, parameters });
    const expected = golden.query_embeddings.map((vector) => dot(golden.query_embeddings[0]!, vector));
    expect(largestError(cosines, expected)).toBeLessThan(4e-6);
    const refused = await problemOf("/similarity", { inputs, parameters: { truncate: false } });
    expect(refused).toMatchObject({ status: 422, error_type: "Validation" });
  });

  test("no sentences, or an empty source, are Empty; the source counts against the batch limit", async () => {
    const none = await problemOf("/similarity", { inputs: { source_sentence: "a", sentences: [] } });
    expect(none).toMatchObject({ status: 400, error_type: "Empty" });
    expect(none.error).toContain("inputs.sentences");
    const empty = await problemOf("/similarity", { inputs: { source_sentence: "", sentences: ["a"] } });
    expect(empty).toMatchObject({ status: 400, error_type: "Empty" });
    const many = { inputs: { source_sentence: "a", sentences: Array(2048).fill("b") } };
    const tooMany = await problemOf("/similarity", many);
    expect(tooMany).toMatchObject({ status: 422, error_type: "Validation" });
    expect(tooMany.error).toContain("batch size 2049 > maximum allowed batch size 2048");
  });
});

describe("POST /tokenize", () => {
  const strange = [
    "emoji \u{1F600} and \u{1F468}\u200D\u{1F469}\u200D\u{1F467} family",
    "CJK \u4E2D\u6587\u5B57 text",
    "combining e\u0301 a\u0308 marks",
    "\u05E9\u05DC\u05D5\u05DD \u0645\u0631\u062D\u0628\u0627 stage",
    "  spaces\tand\nlines  ",
    "Na\u00EFve \u{1F1E9}\u{1F1EA} \u0417\u0414\u0420\u0410\u0412",
  ];

  test("start and stop are byte offsets into the UTF-8 text", async () => {
    for (const text of [...strange, ...shortTexts]) {
      const [tokens] = await ask<Token[][]>("/tokenize", { inputs: text });
      const bytes = Buffer.from(text);
      const inner = tokens!.slice(1, -1);
      expect(inner.length).toBeGreaterThan(0);
      for (const { text: piece, start, stop } of inner) {
        expect(bytes.subarray(start!, stop!).toString()).toBe(piece);
        expect(bytes.subarray(start!, stop!).length).toBeGreaterThan(0);
      }
      const starts = inner.map(({ start }) => start!);
      expect(starts).toEqual(starts.toSorted((a, b) => a - b));
    }
  });

  test("the emoji of the vocabulary is one token of four bytes", async () => {
    const [tokens] = await ask<Token[][]>("/tokenize", { inputs: "a \u{1F600} b" });
    expect(tokens![2]).toEqual({ id: 52, text: "\u{1F600}", special: false, start: 2, stop: 6 });
    expect(tokens![3]).toMatchObject({ text: "b", start: 7, stop: 8 });
  });

  test("ids are those of Python's tokenizers; nothing is cut off", async () => {
    const tokens = await ask<Token[][]>("/tokenize", { inputs: golden.texts });
    const ids = tokens.map((each) => each.map(({ id }) => id));
    const short = (each: readonly unknown[]) => each.filter((_, index) => index !== longText);
    expect(short(ids)).toEqual(short(golden.token_ids));
    expect(ids[longText]!.length).toBe(102);
  });

  test("special tokens have their name as text and no place; add_special_tokens false leaves them out", async () => {
    const [tokens] = await ask<Token[][]>("/tokenize", { inputs: "short" });
    expect(tokens![0]).toEqual({ id: CLS, text: "[CLS]", special: true, start: null, stop: null });
    expect(tokens!.at(-1)).toEqual({ id: SEP, text: "[SEP]", special: true, start: null, stop: null });
    const [bare] = await ask<Token[][]>("/tokenize", { inputs: "short", add_special_tokens: false });
    expect(bare).toEqual(tokens!.slice(1, -1));
  });

  test("prompt_name puts the prompt before the text, offsets count it", async () => {
    const [tokens] = await ask<Token[][]>("/tokenize", { inputs: "short", prompt_name: "query" });
    const bytes = Buffer.from("query: short");
    for (const { text, start, stop } of tokens!.slice(1, -1)) {
      expect(bytes.subarray(start!, stop!).toString()).toBe(text);
    }
  });

  test("empty inputs are refused as Empty", async () => {
    expect(await problemOf("/tokenize", { inputs: [] })).toMatchObject({ status: 400, error_type: "Empty" });
    expect(await problemOf("/tokenize", { inputs: ["a", ""] })).toMatchObject({ status: 400, error_type: "Empty" });
    expect(await problemOf("/tokenize", { inputs: [[1, 2]] })).toMatchObject({ status: 422 });
  });
});

describe("POST /decode", () => {
  test("gives the text of one list of ids, or of several", async () => {
    const [first, second] = [golden.token_ids[4]!, golden.token_ids[2]!];
    expect(await ask("/decode", { ids: first })).toEqual(["short"]);
    expect(await ask("/decode", { ids: [first, second] })).toEqual(["short", "i had pancakes for breakfast."]);
  });

  test("skip_special_tokens false keeps them", async () => {
    expect(await ask("/decode", { ids: golden.token_ids[4]!, skip_special_tokens: false })).toEqual([
      "[CLS] short [SEP]",
    ]);
  });

  test("refuses no ids, too many lists and ids that are none", async () => {
    expect(await problemOf("/decode", { ids: [] })).toMatchObject({ status: 400, error_type: "Empty" });
    expect(await problemOf("/decode", { ids: Array.from({ length: 2049 }, () => [5]) })).toMatchObject({ status: 422 });
    for (const ids of [[-1], [1.5], [2 ** 40], ["a"], [[5], [-1]]]) {
      expect(await problemOf("/decode", { ids })).toMatchObject({
        status: 422,
        error_type: "Validation",
      });
    }
  });
});

describe("routes for operators", () => {
  test("GET /info has every key of text-embeddings-inference", async () => {
    const info = (await (await server.get("/info")).json()) as Record<string, unknown>;
    expect(info).toEqual({
      model_id: "tiny-encoder",
      model_sha: null,
      model_dtype: "float32",
      served_model_name: "tiny-encoder",
      model_type: { embedding: { pooling: "mean" } },
      max_concurrent_requests: 512,
      max_input_length: MAX_LENGTH,
      max_batch_tokens: 512,
      max_batch_requests: null,
      max_client_batch_size: 2048,
      auto_truncate: true,
      tokenization_workers: 1,
      version: expect.stringMatching(/^\d+\.\d+\.\d+/) as string,
      sha: null,
      docker_label: null,
    });
  });

  test.each(["/health", "/ping", "/readyz", "/"])("GET %s is 200 with an empty body", async (path) => {
    const response = await server.get(path);
    expect([response.status, await response.text()]).toEqual([200, ""]);
    expect((await fetch(new URL(path, server.url), { method: "HEAD" })).status).toBe(200);
  });

  test("GET /livez says where the server stands", async () => {
    const response = await server.get("/livez");
    expect([response.status, await response.json()]).toEqual([200, { status: "ready" }]);
  });
});

describe("@huggingface/inference", () => {
  test("featureExtraction() with the route, or with the server's URL alone", async () => {
    for (const endpointUrl of [`${server.url}/embed`, server.url]) {
      const vectors = await featureExtraction({ endpointUrl, inputs: [...shortTexts] });
      expect(worst(vectors as number[][], shortEmbeddings)).toBeLessThan(TOLERANCE);
    }
  });

  test("featureExtraction() passes TEI's options on", async () => {
    const options = { normalize: false, truncate: true, truncation_direction: "left", prompt_name: "query" } as const;
    const vectors = await featureExtraction({
      endpointUrl: `${server.url}/embed`,
      inputs: [...golden.texts],
      ...options,
    });
    const asked = await embed({ inputs: golden.texts, ...options });
    expect(vectors).toEqual(asked);
    expect(
      worst(
        asked.map(unitLength),
        golden.query_embeddings.map((row) => [...row]),
      ),
    ).toBeGreaterThan(TOLERANCE);
  });

  test("sentenceSimilarity()", async () => {
    const inputs = { source_sentence: shortTexts[0]!, sentences: shortTexts.slice(1) };
    const cosines = await sentenceSimilarity({ endpointUrl: `${server.url}/similarity`, inputs });
    const expected = shortEmbeddings.slice(1).map((vector) => dot(shortEmbeddings[0]!, vector));
    expect(largestError(cosines, expected)).toBeLessThan(4e-6);
  });

  test("its errors carry our message", async () => {
    const refused = featureExtraction({ endpointUrl: `${server.url}/embed`, inputs: "" });
    await expect(refused).rejects.toThrow(/input 0 is empty/);
  });
});
