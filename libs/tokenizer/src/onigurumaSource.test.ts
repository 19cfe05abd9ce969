/** @file Possessive quantifiers, atomic groups and line starts: what matches is what Oniguruma 6.9.10 matches. */
import { describe, expect, test } from "vitest";
import { JsonFields } from "./jsonFields.ts";
import { patternMatcher } from "./pattern.ts";
import { translatableSource } from "./onigurumaSource.ts";

const matched = (source: string, text: string) => new RegExp(translatableSource(source), "u").exec(text)?.[0];

describe("translatableSource()", () => {
  test.each([
    ["a++b", "aaab", "aaab"],
    ["a++ab", "aaab", undefined],
    ["[ab]*+b", "abb", undefined],
    ["\\s++$|\\s", "  x", " "],
    ["x?+x", "x", undefined],
    ["(?:ab|a)++b", "ab", undefined],
    ["\\p{L}++\\d", "ab1", "ab1"],
    ["(?>a|ab)c", "abc", undefined],
    ["(?>ab|a)c", "abc", "abc"],
    ["[\\]a]++\\]", "a]]", undefined],
  ])("%s on %s matches %s", (source, text, expected) => {
    expect(matched(source, text)).toBe(expected);
  });

  test("a line starts at the start of the text and after each line end but the last", () => {
    const pattern = { String: undefined, Regex: "^" };
    const matches = patternMatcher(new JsonFields({ pattern }, "test"), "pattern");
    expect(matches("a\n\nb\n")).toEqual([[0, 0], [2, 2], [3, 3]]); // prettier-ignore
    expect(patternMatcher(new JsonFields({ pattern: { Regex: "[^a]" } }, "test"), "pattern")("ab")).toEqual([[1, 2]]);
  });

  test("leaves expressions without them as they are", () => {
    const source = "'s| ?\\p{L}+|\\p{N}{1,3}+|[+*?]+|\\+";
    expect(translatableSource(source)).toBe(source);
  });
});
