/**
 * @file Each decoder on tokens that are hard for it. Expected texts: `decoders.*.decode(tokens)` of Python's tokenizers
 * 0.23.3, by hand; decoding of whole texts is compared in tokenizer.test.ts.
 */
import { describe, expect, test } from "vitest";
import { createDecoder } from "./createDecoder.ts";

const wordPieces = ["un", "##aff", "a##b", "##", "##x", "do", " not", ".", "I", "'m", "n't"];
const bytes = [
  "a",
  "<0xE4>",
  "<0xB8>",
  "<0xAD>",
  "b",
  "<0xE4>",
  "<0xB8>",
  "c",
  "<0x41>",
  "<0x+4>",
  "<0xzz>",
  "<0x414>",
  "<0xFF>",
];
const metaspace = { type: "Metaspace", replacement: "\u2581" };

describe("createDecoder()", () => {
  test.each([
    [{ type: "WordPiece", prefix: "##", cleanup: true }, wordPieces, "unaff a##bx do  not. I'mn't"],
    [{ type: "WordPiece", prefix: "@@", cleanup: false }, ["@@a", "@@b", "c", "."], "@@ab c ."],
    [
      { type: "ByteLevel" },
      ["\u0120hello", "\u00c3\u00a9", "\u00c3", "<x y>", "\u010a", "\u65e5", "\u00a9"],
      " hello\u00e9\ufffd<x y>\n\u65e5\ufffd",
    ],
    [{ type: "ByteFallback" }, bytes, "a\u4e2db\ufffd\ufffdcA\u0004<0xzz><0x414>\ufffd"],
    [metaspace, ["\u2581a\u2581b", "\u2581c", "d\u2581"], "ab cd "],
    [{ ...metaspace, prepend_scheme: "never" }, ["\u2581a\u2581b", "\u2581c"], " a b c"],
    [{ type: "BPEDecoder" }, ["lo", "w</w>", "a</w>b</w>", "x</w>"], "low a b x"],
    [
      { type: "CTC" },
      ["<pad>", "h", "h", "<pad>", "e", "<pad>", "l", "l", "<pad>", "l", "o", "|", "|", " .", "o", " ."],
      "hello .o.",
    ],
    [{ type: "CTC", cleanup: false }, ["a", "|", "<pad>", "|", "b"], "a||b"],
    [{ type: "Replace", pattern: { Regex: "x*" }, content: "-" }, ["axxb", "", "x"], "-a-b--"],
    [{ type: "Replace", pattern: { String: "\u2581" }, content: " " }, ["\u2581a\u2581"], " a "],
    [{ type: "Strip", content: "_", start: 1, stop: 2 }, ["__a___", "_\u{1f600}_"], "_a_\u{1f600}"],
    [
      {
        type: "Sequence",
        decoders: [
          { type: "Replace", pattern: { String: "\u2581" }, content: " " },
          { type: "Fuse" },
          { type: "Strip", content: " ", start: 1, stop: 0 },
        ],
      },
      ["\u2581a", "\u2581b"],
      "a b",
    ],
  ])("%j joins %j", (config, tokens, text) => {
    expect(createDecoder(config, "decoder")(tokens).join("")).toBe(text);
  });

  test("strips a token away that has nothing else, where Rust ends the program", () => {
    expect(createDecoder({ type: "Strip", content: "_", start: 1, stop: 2 }, "decoder")(["_", "____"])).toEqual([
      "",
      "_",
    ]);
  });
});
