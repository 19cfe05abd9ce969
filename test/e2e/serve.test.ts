/** @file The main job with real processes: text in, the vector of sentence-transformers out, whatever the pipeline's shape. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { largestError } from "../golden/compareEncoder.ts";
import { golden, goldenFolders, TOLERANCE } from "../harness/goldenSentences.ts";
import { denseEncoder, miniLm, missing, shared } from "../harness/paths.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";

type Answer = { data: { embedding: number[] }[] };

async function largestErrorOf(
  server: TestServer,
  texts: readonly string[],
  expected: readonly (readonly number[])[],
): Promise<number> {
  const response = await server.post("/v1/embeddings", { input: texts });
  expect(response.status).toBe(200);
  const { data } = (await response.json()) as Answer;
  expect(data.length).toBe(expected.length);
  return Math.max(...data.map(({ embedding }, index) => largestError(embedding, expected[index]!)));
}

describe("stagecoach serve", () => {
  test.each([
    ["one stage", ["--stages", "1"]],
    ["two stages", ["--stages", "2"]],
    ["a stage for every layer", ["--stages", "4"]],
    ["two replicas of two stages", ["--stages", "2", "--replicas", "2"]],
    ["two stages on tfjs", ["--stages", "2", "--engine", "tfjs-wasm"]],
  ])("%s: the vectors are sentence-transformers'", async (_, flags) => {
    await using server = await startServer({ flags });
    expect(await largestErrorOf(server, golden.texts, golden.embeddings)).toBeLessThan(TOLERANCE);
  });

  test("two poolings and two dense modules, on the last of two stages: the vectors are sentence-transformers'", async () => {
    await using server = await startServer({ model: denseEncoder, flags: ["--stages", "2"] });
    const response = await server.post("/embed", { inputs: goldenFolders.texts, normalize: false });
    const vectors = (await response.json()) as number[][];
    const [{ embeddings }] = goldenFolders.cases as [(typeof goldenFolders.cases)[0]];
    const errors = embeddings.map((expected, index) => largestError(vectors[index]!, expected));
    expect(Math.max(...errors)).toBeLessThan(TOLERANCE);
  });

  const absent = missing(`${shared}golden/minilm-embeddings.json`) ?? missing(miniLm);
  test.skipIf(absent)(`all-MiniLM-L6-v2: the vectors are sentence-transformers' (${absent ?? "present"})`, async () => {
    const { texts, embeddings } = JSON.parse(
      readFileSync(`${shared}golden/minilm-embeddings.json`, "utf8"),
    ) as typeof golden;
    // As OpenAI's API, ours refuses an empty text.
    const given = texts.flatMap((text, index) => (text === "" ? [] : [index]));
    const pick = <T>(values: readonly T[]) => given.map((index) => values[index]!);
    const model = "../shared/models/all-MiniLM-L6-v2";
    await using server = await startServer({ model, flags: ["--stages", "2"] });
    expect(await largestErrorOf(server, pick(texts), pick(embeddings))).toBeLessThan(1e-5);
  });
});

describe("a pipeline of k stages over HTTP and WebSockets", () => {
  // Texts one at a time: of several, company and so the last bits may depend on when they come (docs/PARITY.md).
  const texts = golden.texts.slice(0, 4);

  async function base64Of(numStages: number): Promise<readonly string[]> {
    await using server = await startServer({ flags: ["--stages", String(numStages)] });
    const answers: string[] = [];
    for (const input of texts) {
      const response = await server.post("/v1/embeddings", { input, encoding_format: "base64" });
      expect(response.status).toBe(200);
      const { data } = (await response.json()) as { data: { embedding: string }[] };
      answers.push(data[0]!.embedding);
    }
    return answers;
  }

  test("k = 1 to all 4 layers: a text's vector has the same bytes", async () => {
    const [whole, ...split] = [await base64Of(1), await base64Of(2), await base64Of(3), await base64Of(4)];
    expect(new Set(whole).size).toBe(texts.length);
    for (const each of whole) expect(Buffer.from(each, "base64").length).toBe(32 * 4);
    expect(split).toEqual([whole, whole, whole]);
  });
});
