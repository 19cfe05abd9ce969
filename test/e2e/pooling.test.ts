import { describe, expect, test } from "vitest";
import { startServer } from "../harness/startServer.ts";

const text = "the quick brown fox";

/** What sentence-transformers' Pooling gives for one text, from its token vectors; then unit length, as the model's folder says. */
const pooled: Readonly<Record<string, (tokens: readonly (readonly number[])[]) => number[]>> = {
  cls: (tokens) => [...tokens[0]!],
  max: (tokens) => tokens[0]!.map((_, column) => Math.max(...tokens.map((token) => token[column]!))),
  lasttoken: (tokens) => [...tokens.at(-1)!],
};

function unit(vector: readonly number[]): number[] {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

describe("--pooling", () => {
  test.each(Object.keys(pooled))("%s is what the stages do, and what /info says", async (pooling) => {
    await using server = await startServer({ flags: ["--pooling", pooling, "--stages", "2"] });
    const [tokens] = (await (await server.post("/embed_all", { inputs: text })).json()) as [number[][]];
    const [vector] = (await (await server.post("/embed", { inputs: text })).json()) as [number[]];
    const expected = unit(pooled[pooling]!(tokens));
    const errors = vector.map((value, column) => Math.abs(value - expected[column]!));
    expect(Math.max(...errors)).toBeLessThan(1e-6);
    const info = await (await server.get("/info")).json();
    expect(info).toMatchObject({ model_type: { embedding: { pooling: pooling.replace("lasttoken", "last_token") } } });
  });
});
