/** @file How much of a text is read, and that reading less changes nothing. */
import { describe, expect, test } from "vitest";
import { AddedTokens } from "./addedTokens.ts";
import { createModel } from "./models/createModel.ts";
import type { Model } from "./models/model.ts";
import { createNormalizer } from "./normalizers/createNormalizer.ts";
import { createPreTokenizer } from "./preTokenizers/createPreTokenizer.ts";
import { TextPipeline } from "./textPipeline.ts";

const letters = Array.from("abcdefghijklmnopqrstuvwxyz");
const tokens = ["[UNK]", ...letters, ...letters.map((letter) => `##${letter}`)];
const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));

/** A pipeline whose model counts the pieces that it is asked for. */
function counting(parts: { normalizer?: object; preTokenizer: object; maxWordChars?: number }) {
  const config = { type: "WordPiece", unk_token: "[UNK]", vocab, max_input_chars_per_word: parts.maxWordChars ?? 100 };
  const model = createModel(config, "model");
  let numPieces = 0;
  const counted: Model = Object.assign(Object.create(model) as Model, {
    tokenize(...args: Parameters<Model["tokenize"]>) {
      numPieces++;
      model.tokenize(...args);
    },
    tokenToId: (token: string) => model.tokenToId(token),
    idToToken: (id: number) => model.idToToken(id),
  });
  const pipeline = new TextPipeline({
    normalizer: parts.normalizer && createNormalizer(parts.normalizer, "normalizer"),
    preTokenizer: createPreTokenizer(parts.preTokenizer, "pre_tokenizer"),
    model: counted,
    addedTokens: new AddedTokens([], undefined),
  });
  return { pipeline, numPieces: () => numPieces };
}

const bert = { normalizer: { type: "BertNormalizer" }, preTokenizer: { type: "BertPreTokenizer" } };
const byteLevel = { preTokenizer: { type: "ByteLevel", add_prefix_space: true } };
const metaspace = { preTokenizer: { type: "Metaspace", replacement: "_" } };
const word = (i: number) => String.fromCharCode(97 + (i % 26), 97 + ((i * 7) % 26), 97 + ((i * 11) % 26));
const megabyte = Array.from({ length: 262_144 }, (_, i) => word(i)).join(" ");

describe("TextPipeline.encodeIds()", () => {
  test.each([
    ["BERT", bert],
    ["byte-level", byteLevel],
    ["Metaspace", metaspace],
  ])("of a megabyte of words reads a start of it when 256 tokens are enough: %s", (_, parts) => {
    const { pipeline } = counting(parts);
    const { ids, consumed } = pipeline.encodeIds(megabyte, 256);
    expect(ids.length).toBeGreaterThan(256);
    expect(consumed).toBeLessThan(2000);
    const whole = counting(parts).pipeline.encodeIds(megabyte);
    expect(whole.consumed).toBe(megabyte.length);
    expect(ids).toEqual(whole.ids.slice(0, ids.length));
  });

  test("asks the model once for a word that it meets often", () => {
    const { pipeline, numPieces } = counting(bert);
    pipeline.encodeIds("abc def abc ".repeat(1000));
    expect(numPieces()).toBe(2);
  });

  test("stops within a word without spaces that has pieces enough", () => {
    const { pipeline, numPieces } = counting(bert);
    pipeline.encodeIds("a.b-".repeat(100_000), 50);
    expect(numPieces()).toBeLessThan(100);
  });

  test("needs time in proportion for one word of a megabyte", () => {
    for (const limit of [100, 2 ** 30]) {
      const { pipeline } = counting({ ...bert, maxWordChars: limit });
      const start = performance.now();
      const { ids } = pipeline.encodeIds("a".repeat(1 << 20));
      expect(ids.length).toBe(limit === 100 ? 1 : 1 << 20);
      // A rule that looks at the whole text for each letter needs minutes.
      expect(performance.now() - start).toBeLessThan(10_000);
    }
  });
});

describe("TextPipeline.encodeAligned()", () => {
  test("stops once there are enough tokens", () => {
    const { pipeline, numPieces } = counting(bert);
    const prefix = pipeline.prefixWithTokens(megabyte, 256);
    expect(prefix.length).toBeLessThan(2000);
    const before = numPieces();
    expect(pipeline.encodeAligned(prefix, 256).ids.length).toBeGreaterThan(256);
    expect(numPieces() - before).toBeLessThan(300);
  });
});
