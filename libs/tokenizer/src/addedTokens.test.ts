/** @file Where added tokens are found; the whole is compared with Rust in tokenizer.test.ts. */
import { describe, expect, test } from "vitest";
import { AddedTokenMatcher, AddedTokens, readAddedTokens, type AddedToken } from "./addedTokens.ts";
import { TokenizerFileError } from "./errors.ts";
import { JsonFields } from "./jsonFields.ts";
import { WordLevel } from "./models/wordLevel.ts";
import { Strip } from "./normalizers/strip.ts";

const token = (content: string, options: Partial<AddedToken> = {}): AddedToken => ({
  content,
  id: 0,
  singleWord: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: false,
  ...options,
});
const found = (text: string, ...tokens: AddedToken[]) =>
  Array.from(new AddedTokenMatcher(tokens.map((each) => [each.content, each])).find(text), ({ span }) =>
    text.slice(...span),
  );

describe("AddedTokenMatcher.find()", () => {
  test("takes the leftmost and of those the longest", () => {
    expect(found("xabcd", token("ab"), token("abcd"), token("bcd"))).toEqual(["abcd"]);
    expect(found("abcx", token("ab"), token("abcd"), token("c"))).toEqual(["ab", "c"]);
  });

  test("takes white space along at the sides asked for", () => {
    expect(found("a  <x>\n b", token("<x>", { lstrip: true }))).toEqual(["  <x>"]);
    expect(found("a  <x>\n\u3000b", token("<x>", { rstrip: true }))).toEqual(["<x>\n\u3000"]);
  });

  test("leaves to a token the white space that the one before took along", () => {
    const [right, left] = [token("<r>", { rstrip: true }), token("<l>", { lstrip: true })];
    expect(found("<r>  <l>", right, left)).toEqual(["<r>  ", "<l>"]);
    expect(found("<l> <l>", left)).toEqual(["<l>", " <l>"]);
  });

  test("with singleWord, only where no word character is beside it", () => {
    expect(found("ab xab ab_ ab-ab", token("ab", { singleWord: true }))).toEqual(["ab", "ab", "ab"]);
    expect(found("ab\u00e9 ab\u{10400} ab", token("ab", { singleWord: true }))).toEqual(["ab"]);
  });

  test("a match that is discarded hides what lies within it", () => {
    expect(found("xabc", token("abc", { singleWord: true }), token("b"))).toEqual([]);
  });
});

describe("readAddedTokens()", () => {
  const model = new WordLevel(new JsonFields({ vocab: { a: 0, b: 1 }, unk_token: "a" }, "model"));
  const idsFor = (...block: object[]) => readAddedTokens(block, model, "added_tokens").map(({ id }) => id);

  test("gives the model's id, or the next free one, whatever the file says", () => {
    expect(idsFor({ content: "b", id: 40 }, { content: "c", id: 50 }, { content: "" }, { content: "d" })).toEqual([
      1, 2, 3,
    ]);
  });

  test("refuses a token that is none", () => {
    expect(() => idsFor({ id: 3 })).toThrow("added_tokens[0]: content: expected a string");
  });
});

describe("new AddedTokens()", () => {
  test("refuses a token of which normalization leaves nothing", () => {
    const strip = new Strip(new JsonFields({ strip_left: true, strip_right: true }, "normalizer"));
    expect(() => new AddedTokens([token(" ", { normalized: true })], strip)).toThrow(TokenizerFileError);
  });
});
