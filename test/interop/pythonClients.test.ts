/** @file Python's clients, as their users have them, against a running server. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { largestError } from "../golden/compareEncoder.ts";
import { golden, longText, TOLERANCE, unitLength } from "../harness/goldenSentences.ts";
import { fillMask, modelWithHead, questionAnswering, type Answer, type Filling } from "../harness/pipelineFixtures.ts";
import { runPython } from "../harness/python.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";

type Vectors = readonly (readonly number[])[];
type Refusal = {
  readonly error: string;
  readonly status: number;
  readonly code: string | null;
  readonly param: string;
  readonly message: string;
};

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ flags: ["--stages", "2", "--served-model-name", "org/tiny"] });
});
afterAll(() => server[Symbol.asyncDispose]());

const worst = (actual: Vectors, expected: Vectors) =>
  Math.max(...expected.map((row, index) => largestError([...actual[index]!], row)));
const shortened = (vectors: Vectors) => vectors.map((row) => unitLength(row.slice(0, 8)));

describe("openai for Python", () => {
  type Given = {
    default: Vectors;
    float: Vectors;
    base64: readonly string[];
    dimensions: Vectors;
    ids: Vectors;
    usage: { prompt_tokens: number; total_tokens: number };
    model: string;
    models: readonly string[];
    retrieved: string;
    unknown_model: Refusal;
    empty: Refusal;
  };
  let given: Given;
  beforeAll(async () => {
    const ids = golden.token_ids[1]!.slice(1, -1);
    given = await runPython<Given>("openai_client.py", {
      url: server.url,
      model: "org/tiny",
      texts: golden.texts,
      ids,
    });
  });

  test("embeddings.create() gives the right vectors by default, as float and as base64", () => {
    expect(given.default.length).toBe(golden.texts.length);
    expect(worst(given.default, golden.embeddings)).toBeLessThan(TOLERANCE);
    expect(given.float).toEqual(given.default);
    const decoded = given.base64.map((text) => {
      const bytes = Uint8Array.from(Buffer.from(text, "base64"));
      return [...new Float32Array(bytes.buffer)];
    });
    expect(decoded).toEqual(given.float);
  });

  test("dimensions, token ids and usage", () => {
    expect(worst(given.dimensions, shortened(golden.embeddings))).toBeLessThan(TOLERANCE);
    expect(worst(given.ids, [golden.embeddings[1]!])).toBeLessThan(TOLERANCE);
    const tokens = golden.token_ids.reduce((total, ids) => total + ids.length, 0);
    expect(given.usage).toEqual({ prompt_tokens: tokens, total_tokens: tokens });
  });

  test("models.list() and models.retrieve()", () => {
    expect([given.model, given.models, given.retrieved]).toEqual(["org/tiny", ["org/tiny"], "org/tiny"]);
  });

  test("its exceptions carry our code, param and message", () => {
    expect(given.unknown_model).toMatchObject({
      error: "NotFoundError",
      status: 404,
      code: "model_not_found",
      param: "model",
    });
    expect(given.empty).toMatchObject({ error: "BadRequestError", status: 400, code: null, param: "input" });
    expect(given.empty.message).toContain("input 0 is empty");
  });
});

describe("huggingface_hub's InferenceClient", () => {
  type Given = {
    embed: Vectors;
    root: Vectors;
    single: Vectors;
    raw: Vectors;
    query: Vectors;
    dimensions: Vectors;
    left: Vectors;
    similarity: readonly number[];
    too_long: { status: number; message: string };
  };
  let given: Given;
  beforeAll(async () => {
    given = await runPython<Given>("hub_client.py", { url: server.url, texts: golden.texts });
  });

  test("feature_extraction() with the route, and with the server's address alone", () => {
    expect(worst(given.embed, golden.embeddings)).toBeLessThan(TOLERANCE);
    expect(given.root).toEqual(given.embed);
    expect(worst(given.single, [golden.embeddings[0]!])).toBeLessThan(TOLERANCE);
  });

  test("normalize, prompt_name, dimensions", () => {
    expect(worst(given.raw.map(unitLength), golden.embeddings)).toBeLessThan(TOLERANCE);
    expect(given.raw.some((row) => Math.abs(Math.hypot(...row) - 1) > 0.1)).toBe(true);
    expect(worst(given.query, golden.query_embeddings)).toBeLessThan(TOLERANCE);
    expect(worst(given.dimensions, shortened(golden.embeddings))).toBeLessThan(TOLERANCE);
  });

  test("truncate and its direction", () => {
    const isShort = (_: unknown, index: number) => index !== longText;
    expect(worst(given.left.filter(isShort), golden.embeddings.filter(isShort))).toBeLessThan(TOLERANCE);
    expect(given.too_long.status).toBe(422);
  });

  test("sentence_similarity()", () => {
    const [source, ...others] = golden.embeddings;
    const expected = others.map((other) => other.reduce((sum, value, index) => sum + value * source![index]!, 0));
    expect(largestError([...given.similarity], expected)).toBeLessThan(4e-6);
  });
});

describe("huggingface_hub's InferenceClient with task models", () => {
  type Given = { answer: Answer; slice: string; answers: Answer[]; filled: Filling[]; targets: Filling[] };
  const near = <T extends { readonly score: number }>({ score, ...rest }: T) => ({
    ...rest,
    score: expect.closeTo(score, 5) as number,
  });

  test("question_answering() and fill_mask() give what transformers' pipelines give", async () => {
    using answering = await modelWithHead(questionAnswering, "BertForQuestionAnswering");
    using filling = await modelWithHead(fillMask, "BertForMaskedLM");
    await using answers = await startServer({ model: answering.folder });
    await using masks = await startServer({ model: filling.folder });
    const [one, , several] = questionAnswering.cases;
    const { question, context } = one!.request;
    const given = await runPython<Given>("hub_tasks.py", {
      answer: { url: answers.url, question, context },
      mask: { url: masks.url, text: fillMask.cases[0]!.request.inputs },
    });
    const expected = one!.answers as Answer;
    expect(given.answer).toEqual(near(expected));
    expect(given.slice).toBe(expected.answer);
    expect(given.answers).toEqual((several!.answers as Answer[]).map(near));
    expect(given.filled).toEqual((fillMask.cases[0]!.answers as Filling[]).map(near));
    expect(given.targets.map(({ token_str }) => token_str).toSorted()).toEqual(["layers", "the", "workers"]);
  });
});
