/** @file The main job with real processes: text in, the vector of sentence-transformers out, whatever the pipeline's shape. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { largestError } from "../golden/compareEncoder.ts";
import { tinyEncoder } from "../harness/paths.ts";
import { startServer } from "../harness/startServer.ts";

type Golden = { texts: string[]; embeddings: number[][] };
const golden = JSON.parse(readFileSync(`${tinyEncoder}/golden.json`, "utf8")) as Golden;
type Answer = { data: { embedding: number[] }[]; usage: { prompt_tokens: number } };

describe("stagecoach serve", () => {
  test.each([
    ["one stage", ["--stages", "1"]],
    ["two stages", ["--stages", "2"]],
    ["a stage for every layer", ["--stages", "4"]],
    ["two replicas of two stages", ["--stages", "2", "--replicas", "2"]],
    ["two stages on tfjs", ["--stages", "2", "--engine", "tfjs-wasm"]],
  ])("%s: the vectors are sentence-transformers'", async (_, flags) => {
    await using server = await startServer({ flags });
    const response = await server.post("/v1/embeddings", { input: golden.texts });
    expect(response.status).toBe(200);
    const { data } = (await response.json()) as Answer;
    const errors = data.map(({ embedding }, index) => largestError(embedding, golden.embeddings[index]!));
    expect(Math.max(...errors)).toBeLessThan(2e-6);
  });
});
