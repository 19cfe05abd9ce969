/**
 * @file The model in the box: served when nothing else is asked for, whatever else is there; small; with the vectors that
 * sentence-transformers gives for it; sensible about the README's example.
 *
 * Expected values: test/fixtures/packaged-model.json (tools/oracles/packaged_model.py).
 */
import { PACKAGED_MODEL, packagedModelFolder } from "@stagecoach/transformer/node";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadEncoder } from "stagecoach";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fixtures, repository } from "../harness/paths.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";

const golden = JSON.parse(readFileSync(`${fixtures}packaged-model.json`, "utf8")) as {
  readonly texts: readonly string[];
  readonly vectors: readonly (readonly number[])[];
};
let scratch: string;
let server: TestServer;
beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "stagecoach-box-"));
  // A folder of the model's name, where the server stands.
  mkdirSync(join(scratch, PACKAGED_MODEL));
  writeFileSync(join(scratch, PACKAGED_MODEL, "config.json"), "{}");
  const env = { HF_HUB_OFFLINE: "1", HF_HOME: join(scratch, "hf-home") };
  server = await startServer({ model: null, env, cwd: scratch });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true });
});

const largestDifference = (a: ArrayLike<number>, b: readonly number[]) =>
  Math.max(...Array.from(a, (value, index) => Math.abs(value - b[index]!)));

describe("the model in the box", () => {
  test("is served when none is named, offline, beside a folder of its name; the banner says how to serve another", async () => {
    const answer = await server.post("/v1/embeddings", { model: PACKAGED_MODEL, input: golden.texts });
    expect(answer.status).toBe(200);
    const { data } = (await answer.json()) as { data: { embedding: number[] }[] };
    expect(data).toHaveLength(golden.texts.length);
    data.forEach(({ embedding }, index) => {
      expect(largestDifference(embedding, golden.vectors[index]!), golden.texts[index]).toBeLessThan(1e-5);
    });
    expect(server.stdout()).toContain("--model sentence-transformers/all-MiniLM-L6-v2");
  });

  test("finds the nearest of the README's five sentences, which is the first", async () => {
    const readme = readFileSync(join(repository, "README.md"), "utf8");
    const [, body] = /\/similarity -d '(\{.*\})'/.exec(readme)!;
    const scores = (await (await server.post("/similarity", JSON.parse(body!))).json()) as number[];
    expect(scores).toHaveLength(5);
    expect(scores.indexOf(Math.max(...scores))).toBe(0);
  });

  test("has at most 8 MB of weights, and a card that names its teacher and its licence", () => {
    expect(statSync(join(packagedModelFolder, "model.safetensors")).size).toBeLessThanOrEqual(8e6);
    const card = readFileSync(join(packagedModelFolder, "README.md"), "utf8");
    expect(card).toContain("license: apache-2.0");
    expect(card).toContain("sentence-transformers/all-MiniLM-L6-v2");
  });

  test("is loaded by its name in a program", async () => {
    await using encoder = await loadEncoder(PACKAGED_MODEL);
    const vectors = await encoder.encode(golden.texts);
    vectors.forEach((vector, index) => expect(largestDifference(vector, golden.vectors[index]!)).toBeLessThan(1e-5));
  });
});
