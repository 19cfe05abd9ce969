/** @file The whole tokenizer against values from Rust's tokenizers 0.23.3 (tools/oracles/tokenizer_oracle.py), and its own promises. */
import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import {
  TokenIdError,
  TokenizerFileError,
  Tokenizer,
  UnsupportedComponentError,
  toCodePointOffsets,
  type Encoding,
  type EncodeOptions,
  type EncodedIds,
} from "./index.ts";
import { bertTokenizerFile } from "./training/bertTokenizerFile.ts";

type Columns = {
  readonly [column in (typeof columns)[number] | "overflowing"]: readonly (readonly unknown[] | null)[];
} & {
  readonly text: readonly string[];
  readonly pair: readonly (string | null)[];
  readonly special: readonly boolean[];
  readonly truncation: readonly EncodeOptions["truncation"][];
  readonly decoded: readonly (readonly [string, string] | null)[];
};
type Variant = {
  readonly name: string;
  readonly tokenizer: { model: unknown; post_processor: { type: string } | null };
  readonly cases: Columns;
};

const columns = ["ids", "tokens", "offsets", "wordIds", "typeIds", "specialTokensMask", "sequenceIds"] as const;

const fixture = (name: string) => gunzipSync(readFileSync(new URL(`../fixtures/${name}`, import.meta.url)));
const document = JSON.parse(fixture("tokenizers.json.gz").toString()) as { models: unknown[]; variants: Variant[] };
const variants = document.variants.map((variant) => {
  const file = JSON.stringify({ ...variant.tokenizer, model: document.models[variant.tokenizer.model as number] });
  return { ...variant, tokenizer: JSON.parse(file.replaceAll('"nmt_nfkc"', `"${characterMap()}"`)) as never };
});

/** The trie is kept as four planes of bytes. */
function characterMap(): string {
  const planes = fixture("nmt_nfkc.charsmap.gz");
  const map = Buffer.from(planes);
  const numUnits = planes.readUInt32LE(0) / 4;
  for (let i = 0; i < numUnits * 4; i++) map[4 + i] = planes[4 + (i % 4) * numUnits + Math.floor(i / 4)];
  return map.toString("base64");
}

/** An encoding in the form of the oracle's columns; offsets in code points. */
function columnsOf(encoding: Encoding, texts: readonly (string | null)[]) {
  const inCodePoints = texts.map((text) =>
    toCodePointOffsets(
      text ?? "",
      Array.from({ length: (text ?? "").length + 1 }, (_, i) => i),
    ),
  );
  const { sequenceIds } = encoding;
  return {
    ids: Array.from(encoding.ids),
    tokens: encoding.tokens,
    offsets: Array.from(encoding.offsets, (offset, i) => {
      const sequence = sequenceIds[i >> 1];
      return sequence === null ? offset : inCodePoints[sequence][offset];
    }),
    wordIds: encoding.wordIds,
    typeIds: Array.from(encoding.typeIds),
    specialTokensMask: Array.from(encoding.specialTokensMask),
    sequenceIds,
  };
}

function casesOf({ cases }: Variant) {
  return cases.text.map((text, i) => ({
    text,
    pair: cases.pair[i],
    options: {
      pair: cases.pair[i] ?? undefined,
      addSpecialTokens: cases.special[i],
      ...(cases.truncation[i] && { truncation: cases.truncation[i] }),
    } satisfies EncodeOptions as EncodeOptions,
    expected:
      cases.ids[i] === null ? undefined : Object.fromEntries(columns.map((column) => [column, cases[column][i]])),
    overflowing: cases.overflowing[i] as readonly (readonly unknown[])[] | null,
    decoded: cases.decoded[i],
  }));
}

/**
 * Rust counts special tokens to a sequence when a ByteLevel step follows a template, and gives no sequence ids to what
 * overflows without a post-processor; here they are what they are everywhere else.
 */
const hasRustSequenceIds = ({ tokenizer }: Variant) =>
  tokenizer.post_processor !== null && tokenizer.post_processor.type !== "Sequence";

describe("Tokenizer.encode()", () => {
  test.each(variants)("gives Rust's ids, tokens, offsets, word, type and sequence ids for $name", (variant) => {
    const tokenizer = new Tokenizer({ tokenizer: variant.tokenizer });
    for (const { text, pair, options, expected } of casesOf(variant)) {
      if (expected === undefined) continue;
      const actual = columnsOf(tokenizer.encode(text, options), [text, pair]);
      const sequenceIds = hasRustSequenceIds(variant) ? expected.sequenceIds : actual.sequenceIds;
      expect({ text, pair, options, ...actual }).toEqual({ text, pair, options, ...expected, sequenceIds });
    }
  });

  test.each(variants)("gives Rust's overflowing parts for $name", (variant) => {
    const tokenizer = new Tokenizer({ tokenizer: variant.tokenizer });
    for (const { text, pair, options, expected, overflowing } of casesOf(variant)) {
      if (options.truncation === undefined || expected === undefined) continue;
      const encoding = tokenizer.encode(text, { ...options, truncation: { ...options.truncation, overflow: true } });
      const parts = encoding.overflowing.map((part) => {
        const { ids, offsets, wordIds, typeIds } = columnsOf(part, [text, pair]);
        return [ids, offsets, wordIds, typeIds];
      });
      expect({ text, pair, options, ids: Array.from(encoding.ids), parts }).toEqual({
        text,
        pair,
        options,
        ids: expected.ids,
        parts: overflowing,
      });
      expect(encoding.truncated).toBe(parts.length > 0);
    }
  });

  test.each(variants)("refuses the truncations that Rust refuses for $name", (variant) => {
    const tokenizer = new Tokenizer({ tokenizer: variant.tokenizer });
    for (const { text, options, expected } of casesOf(variant)) {
      if (expected !== undefined || options.truncation === undefined) continue;
      const truncation = { ...options.truncation, overflow: true };
      expect(() => tokenizer.encode(text, { ...options, truncation })).toThrow(/^truncation: /);
    }
  });

  const shared = new URL("../../../../shared/", import.meta.url);
  const golden = new URL("golden/tokenize.json", shared);
  const model = new URL("models/all-MiniLM-L6-v2/tokenizer.json", shared);
  const isThere = existsSync(golden) && existsSync(model);
  test.skipIf(!isThere)(
    `agrees with ../shared/golden/tokenize.json for all-MiniLM-L6-v2${isThere ? "" : " (skipped: there is no ../shared)"}`,
    () => {
      type Case = {
        text: string;
        pair?: string;
        truncation?: { max_length: number; strategy: "longest_first" };
        ids: number[];
        tokens: string[];
        offsets: [number, number][];
        type_ids: number[];
        word_ids: (number | null)[];
      };
      const { cases } = JSON.parse(readFileSync(golden, "utf8")) as { cases: Case[] };
      const tokenizer = new Tokenizer({ tokenizer: JSON.parse(readFileSync(model, "utf8")) as unknown });
      expect(cases.length).toBeGreaterThan(200);
      for (const { text, pair, truncation, ...expected } of cases) {
        const options = {
          pair,
          ...(truncation && { truncation: { maxLength: truncation.max_length, strategy: truncation.strategy } }),
        };
        const { ids, tokens, offsets, typeIds, wordIds } = columnsOf(tokenizer.encode(text, options), [
          text,
          pair ?? null,
        ]);
        const flat = expected.offsets.flat();
        expect({ text, ids, tokens, offsets, typeIds, wordIds }).toEqual({
          text,
          ids: expected.ids,
          tokens: expected.tokens,
          offsets: flat,
          typeIds: expected.type_ids,
          wordIds: expected.word_ids,
        });
        expect(Array.from(tokenizer.encodeIds(text, options).ids)).toEqual(expected.ids);
      }
    },
  );
});

describe("Encoding.offsets", () => {
  test("keep an added space off the first token unless Bert's processor has put one before it, as Rust counts", () => {
    const variant = variants.find(({ name }) => name === "roberta-prefix-space")!;
    const bert = { type: "BertProcessing", sep: ["</s>", 2], cls: ["<s>", 0] };
    const byteLevel = { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true };
    const offsets = (processors: object[]) => {
      const post_processor = { type: "Sequence", processors };
      const tokenizer = new Tokenizer({ tokenizer: { ...(variant.tokenizer as object), post_processor } });
      const encoding = tokenizer.encode("the quick fox", { truncation: { maxLength: 4, direction: "left" } });
      return Array.from(encoding.offsets.subarray(2, 6));
    };
    expect(offsets([bert, byteLevel])).toEqual([4, 9, 10, 13]);
    expect(offsets([byteLevel, bert])).toEqual([3, 9, 10, 13]);
  });
});

describe("Tokenizer.encodeIds()", () => {
  test.each(variants)("gives the ids and type ids of encode() for $name", (variant) => {
    const tokenizer = new Tokenizer({ tokenizer: variant.tokenizer });
    const again = new Tokenizer({ tokenizer: variant.tokenizer });
    for (const { text, options, expected } of casesOf(variant)) {
      if (expected === undefined) continue;
      const rows = [tokenizer, tokenizer, again].map((each) => each.encodeIds(text, options));
      for (const { ids, typeIds } of rows) {
        expect({ text, options, ids: Array.from(ids), typeIds: Array.from(typeIds) }).toEqual({
          text,
          options,
          ids: expected.ids,
          typeIds: expected.typeIds,
        });
      }
    }
  });
});

describe("Tokenizer.decode()", () => {
  test.each(variants)("gives Rust's text with and without special tokens for $name", (variant) => {
    const tokenizer = new Tokenizer({ tokenizer: variant.tokenizer });
    for (const { expected, decoded } of casesOf(variant)) {
      if (!decoded || expected === undefined) continue;
      const ids = expected.ids as number[];
      expect([tokenizer.decode(ids, { skipSpecialTokens: false }), tokenizer.decode(ids)]).toEqual(decoded);
    }
  });

  test("takes out spaces before punctuation only when asked for", () => {
    const plain = new Tokenizer({ tokenizer: { ...smallFile(["hello", ",", "do", "not"]), decoder: null } });
    expect(plain.decode([5, 6, 7, 8])).toBe("hello , do not");
    expect(plain.decode([5, 6, 7, 8], { cleanUp: true })).toBe("hello, do not");
  });

  test("leaves out ids that the vocabulary does not have and refuses what is no id", () => {
    const tokenizer = smallBert(["hello"]);
    expect(tokenizer.decode([5, 4000])).toBe("hello");
    expect(() => tokenizer.decode([5, -1])).toThrow(TokenIdError);
    expect(() => tokenizer.decode([0.5])).toThrow(/index 0/);
  });
});

/** A BERT tokenizer file with these tokens after the special ones (ids from 5). */
function smallFile(tokens: readonly string[]) {
  return bertTokenizerFile(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ...tokens], {}).tokenizer;
}

function smallBert(tokens: readonly string[]): Tokenizer {
  return new Tokenizer({ tokenizer: smallFile(tokens) });
}

const idsOf = ({ ids }: EncodedIds) => Array.from(ids);

describe("Tokenizer on text that is not plain", () => {
  test("puts spaces around ideographs beyond U+FFFF", () => {
    const tokenizer = smallBert(["\u{20000}", "a"]);
    expect(tokenizer.encode("a\u{20000}a", { addSpecialTokens: false }).tokens).toEqual(["a", "\u{20000}", "a"]);
  });

  test("takes a final sigma for a sigma", () => {
    const tokenizer = smallBert(["\u03b1\u03c3"]);
    expect(tokenizer.encode("\u0391\u03a3", { addSpecialTokens: false }).tokens).toEqual(["\u03b1\u03c3"]);
  });

  test("takes a lone surrogate for U+FFFD, of one unit", () => {
    const variant = variants.find(({ name }) => name === "roberta")!;
    const tokenizer = new Tokenizer({ tokenizer: variant.tokenizer });
    for (const surrogate of ["\ud800", "\udfff"]) {
      const [lone, replaced] = [`a${surrogate}b`, "a\ufffdb"].map((text) => tokenizer.encode(text));
      expect(idsOf(lone)).toEqual(idsOf(replaced));
      expect(lone.offsets).toEqual(replaced.offsets);
      expect(idsOf(tokenizer.encodeIds(`a${surrogate}b`))).toEqual(idsOf(replaced));
    }
  });

  test("keeps offsets right after a NUL that is removed", () => {
    const encoding = smallBert(["ab", "c"]).encode("a\0b c", { addSpecialTokens: false });
    expect(encoding.tokens).toEqual(["ab", "c"]);
    expect(Array.from(encoding.offsets)).toEqual([0, 3, 4, 5]);
  });
});

describe("new Tokenizer()", () => {
  const file = smallFile(["hello"]);

  test("names an unsupported component, where it stands, and those that are supported", () => {
    const broken = { ...file, normalizer: { type: "Sequence", normalizers: [{ type: "Sparkle" }] } };
    expect(() => new Tokenizer({ tokenizer: broken })).toThrow(
      /tokenizer\.json: normalizer\.normalizers\[0\]: normalizer Sparkle is not supported \(supported: BertNormalizer, /,
    );
    for (const part of ["pre_tokenizer", "post_processor", "decoder", "model"]) {
      expect(() => new Tokenizer({ tokenizer: { ...file, [part]: { type: "constructor" } } })).toThrow(
        UnsupportedComponentError,
      );
    }
  });

  test("refuses BPE dropout, with which ids would be random", () => {
    const model = { type: "BPE", dropout: 0.1, vocab: { a: 0 }, merges: [] };
    expect(() => new Tokenizer({ tokenizer: { ...file, post_processor: null, model } })).toThrow(/dropout/);
  });

  test.each([
    ["no object", 7, "tokenizer.json: expected an object, got 7"],
    ["no model", { version: "1.0" }, "tokenizer.json: model: expected an object"],
    ["another version", { ...file, version: "2.0" }, 'tokenizer.json: version: expected "1.0", got "2.0"'],
    [
      "an id that is none",
      { ...file, model: { type: "WordPiece", vocab: { a: -1 } } },
      'tokenizer.json: model.vocab["a"]: expected an id',
    ],
    [
      "merges of unknown tokens",
      { ...file, model: { type: "BPE", vocab: { a: 0 }, merges: ["a b"] } },
      "tokenizer.json: model.merges[0]: expected tokens of the vocabulary",
    ],
    [
      "a base64 that is none",
      { ...file, normalizer: { type: "Precompiled", precompiled_charsmap: "*" } },
      "precompiled_charsmap: expected base64",
    ],
    [
      "a map cut short",
      { ...file, normalizer: { type: "Precompiled", precompiled_charsmap: "AAAAAA==" } },
      "expected a compiled character map",
    ],
    [
      "a template of unknown tokens",
      {
        ...file,
        post_processor: {
          type: "TemplateProcessing",
          single: [{ SpecialToken: { id: "[X]", type_id: 0 } }],
          pair: [],
          special_tokens: {},
        },
      },
      "expected one of special_tokens",
    ],
    [
      "a broken expression",
      { ...file, pre_tokenizer: { type: "Split", pattern: { Regex: "(" }, behavior: "Isolated", invert: false } },
      "expected a regular expression",
    ],
  ])("says what is wrong with a file that has %s", (_, tokenizer, message) => {
    expect(() => new Tokenizer({ tokenizer })).toThrow(TokenizerFileError);
    expect(() => new Tokenizer({ tokenizer })).toThrow(message);
  });

  test("finds the roles of special tokens in the configuration, then in the map, then by their usual names", () => {
    const config = { cls_token: { content: "hello" }, model_max_length: 1e30 };
    const tokenizer = new Tokenizer({
      tokenizer: file,
      config,
      specialTokensMap: { mask_token: "[PAD]", cls_token: "[CLS]" },
    });
    expect(tokenizer.specialTokens).toEqual({
      cls: 5,
      sep: 3,
      pad: 0,
      mask: 0,
      unk: 1,
      bos: undefined,
      eos: undefined,
    });
    expect(tokenizer.modelMaxLength).toBeUndefined();
    expect(new Tokenizer({ tokenizer: file, config: { model_max_length: 512 } }).modelMaxLength).toBe(512);
  });

  test("exposes the file's truncation and padding without applying them", () => {
    const blocks = {
      truncation: { max_length: 3, strategy: "OnlyFirst", stride: 1, direction: "Left" },
      padding: {
        strategy: { Fixed: 8 },
        direction: "Left",
        pad_to_multiple_of: 4,
        pad_id: 2,
        pad_type_id: 1,
        pad_token: "[CLS]",
      },
    };
    const tokenizer = new Tokenizer({ tokenizer: { ...file, ...blocks } });
    expect(tokenizer.encode("hello hello hello").length).toBe(5);
    expect(tokenizer.fileDefaults).toEqual({
      truncation: { maxLength: 3, strategy: "only_first", stride: 1, direction: "left" },
      padding: { length: 8, side: "left", padToMultipleOf: 4, padId: 2, padTypeId: 1, padToken: "[CLS]" },
    });
  });

  test("counts added tokens once and knows them by id and by name", () => {
    const added = [...(file.added_tokens as object[]), { id: 99, content: "new", special: false, normalized: false }];
    const tokenizer = new Tokenizer({ tokenizer: { ...file, added_tokens: added } });
    expect(tokenizer.vocabSize).toBe(7);
    expect(tokenizer.tokenToId("new")).toBe(6);
    expect(tokenizer.idToToken(6)).toBe("new");
    expect([tokenizer.tokenToId("nowhere"), tokenizer.idToToken(7)]).toEqual([undefined, undefined]);
  });

  test("reads a vocabulary that has a token named __proto__", () => {
    const tokenizer = new Tokenizer({
      tokenizer: JSON.parse(JSON.stringify(smallFile(["x"])).replace('"x":5', '"__proto__":5')) as unknown,
    });
    expect(tokenizer.idToToken(5)).toBe("__proto__");
  });
});

describe("Tokenizer.wrapIds()", () => {
  const tokenizer = smallBert(["a", "b", "c"]);

  test("puts the template's tokens around ids as they are", () => {
    expect(idsOf(tokenizer.wrapIds([5, 6]))).toEqual([2, 5, 6, 3]);
    const pair = tokenizer.wrapIds([5, 2], { pair: [7] });
    expect([idsOf(pair), Array.from(pair.typeIds)]).toEqual([[2, 5, 2, 3, 7, 3], [0, 0, 0, 0, 1, 1]]); // prettier-ignore
  });

  test("cuts them to the length asked for and says so", () => {
    const cut = tokenizer.wrapIds([5, 6, 7], { truncation: { maxLength: 4 } });
    expect([idsOf(cut), cut.truncated]).toEqual([[2, 5, 6, 3], true]);
    expect(tokenizer.wrapIds([5, 6], { truncation: { maxLength: 4 } }).truncated).toBe(false);
    expect(idsOf(tokenizer.wrapIds([5, 6, 7], { truncation: { maxLength: 4, direction: "left" } }))).toEqual([
      2, 6, 7, 3,
    ]);
  });

  test.each([[[5, 8]], [[-1]], [[1.5]], [[Number.NaN]]])("refuses %j with the id, its index and the range", (ids) => {
    expect(() => tokenizer.wrapIds(ids)).toThrow(TokenIdError);
    expect(() => tokenizer.wrapIds([5], { pair: ids })).toThrow(
      /token id at index \d: expected an integer of the vocabulary from 0 to 7/,
    );
  });
});

describe("Tokenizer.encodeBatch()", () => {
  const tokenizer = smallBert(["a", "b"]);

  test("pads to the longest row with the padding token", () => {
    const batch = tokenizer.encodeBatch(["a", ["a b", "b"]]);
    expect([batch.numRows, batch.length]).toEqual([2, 6]);
    expect(Array.from(batch.ids)).toEqual([2, 5, 3, 0, 0, 0, 2, 5, 6, 3, 6, 3]);
    expect(Array.from(batch.attentionMask)).toEqual([1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
    expect(Array.from(batch.typeIds)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
    expect(batch.encodings.map(idsOf)).toEqual([[2, 5, 3], [2, 5, 6, 3, 6, 3]]); // prettier-ignore
  });

  test("truncates each row and pads at the side asked for", () => {
    const batch = tokenizer.encodeBatch(["a b a b", "a"], { truncation: { maxLength: 4 }, padding: { side: "left" } });
    expect(Array.from(batch.ids)).toEqual([2, 5, 6, 3, 0, 2, 5, 3]);
    expect(batch.encodings.map(({ truncated }) => truncated)).toEqual([true, false]);
  });
});
