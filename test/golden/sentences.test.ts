/**
 * @file Sentence vectors against sentence-transformers, through everything that a program uses: `loadEncoder`.
 *
 * Expected values: test/fixtures/tiny-encoder/golden.json (tools/oracles/sentence_encoder.py), test/fixtures/dense-encoder/golden.json
 * (tools/oracles/dense_encoder.py) and, where it is, ../shared/golden/minilm-embeddings.json.
 */
import { readFileSync } from "node:fs";
import { loadEncoder, type Encoder } from "stagecoach";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { goldenFolders } from "../harness/goldenSentences.ts";
import { copyModel, writeJsonFiles } from "../harness/modelFolders.ts";
import { denseEncoder, miniLm, missing, shared, tinyEncoder } from "../harness/paths.ts";
import { largestError } from "./compareEncoder.ts";

type Golden = {
  texts: string[];
  embeddings: number[][];
  query_embeddings: number[][];
  token_ids: number[][];
  max_seq_length: number;
};

const worst = (actual: readonly Float32Array[], expected: readonly (readonly number[])[]) =>
  Math.max(...expected.map((row, index) => largestError(actual[index]!, row)));

describe("loadEncoder() on the tiny encoder", () => {
  const golden = JSON.parse(readFileSync(`${tinyEncoder}/golden.json`, "utf8")) as Golden;
  let encoder: Encoder;
  beforeAll(async () => {
    encoder = await loadEncoder(tinyEncoder, { threads: 1 });
  });
  afterAll(() => encoder.close());

  test("token ids are those of Python's tokenizers", () => {
    const ids = golden.texts.map((text) => [...encoder.tokenize(text).ids]);
    expect(
      ids.map(
        (each, index) =>
          (each.length > golden.max_seq_length ? "longer" : each.join()) === golden.token_ids[index]!.join() ||
          each.length > golden.max_seq_length,
      ),
    ).not.toContain(false);
  });

  test("vectors are sentence-transformers' to 1e-6", async () => {
    expect(worst(await encoder.encode(golden.texts), golden.embeddings)).toBeLessThan(1e-6);
  });

  test("a prompt changes vectors as it does there", async () => {
    expect(worst(await encoder.encode(golden.texts, { promptName: "query" }), golden.query_embeddings)).toBeLessThan(
      1e-6,
    );
  });

  test("vectors without unit length point the same way", async () => {
    const raw = await encoder.encode(golden.texts, { normalize: false });
    const lengths = raw.map((vector) => Math.hypot(...vector));
    expect(Math.max(...lengths.map((length) => Math.abs(length - 1)))).toBeGreaterThan(0.1);
    const scaled = raw.map((vector, index) => vector.map((value) => value / lengths[index]!));
    expect(worst(scaled, golden.embeddings)).toBeLessThan(1e-6);
  });

  test("fewer dimensions are the first ones, scaled to unit length", async () => {
    const cut = await encoder.encode(golden.texts, { dimensions: 8 });
    const expected = golden.embeddings.map((row) => {
      const kept = row.slice(0, 8);
      return kept.map((value) => value / Math.hypot(...kept));
    });
    expect(worst(cut, expected)).toBeLessThan(2e-6);
  });
});

describe("loadEncoder() on the encoder with dense modules", () => {
  const { texts, cases } = goldenFolders;

  test.each(cases)("$name: the vectors are sentence-transformers'", async ({ files, embeddings }) => {
    using model = copyModel((folder) => writeJsonFiles(folder, files), denseEncoder);
    await using encoder = await loadEncoder(model.folder, { threads: 1 });
    expect(encoder.dimensions).toBe(embeddings[0]!.length);
    expect(worst(await encoder.encode(texts), embeddings)).toBeLessThan(1e-6);
  });

  test("each of these folders gives other vectors", () => {
    for (const { name, embeddings } of cases.slice(1)) {
      const rows = embeddings.map((row) => Float32Array.from(row));
      expect(worst(rows, cases[0]!.embeddings), name).toBeGreaterThan(0.01);
    }
  });
});

describe("loadEncoder() on all-MiniLM-L6-v2", () => {
  const absent = missing(`${shared}golden/minilm-embeddings.json`) ?? missing(miniLm);
  test.skipIf(absent)(`vectors are sentence-transformers' to 1e-5 (${absent ?? "present"})`, async () => {
    const golden = JSON.parse(readFileSync(`${shared}golden/minilm-embeddings.json`, "utf8")) as Golden;
    await using encoder = await loadEncoder(miniLm);
    expect(worst(await encoder.encode(golden.texts, { normalize: true }), golden.embeddings)).toBeLessThan(1e-5);
  });
});
