/** @file Patterns and splitting; expected pieces are those of the documentation of Rust's SplitDelimiterBehavior. */
import { describe, expect, test } from "vitest";
import { JsonFields } from "./jsonFields.ts";
import { patternMatcher, regexMatcher, splitAt, type SplitBehavior } from "./pattern.ts";

const text = "the-final--countdown";
const pieces = (behavior: SplitBehavior, invert = false) =>
  splitAt(text, regexMatcher(/-/gu)(text), { behavior, invert }).map((span) => text.slice(...span));

describe("splitAt()", () => {
  test.each([
    ["Removed", ["the", "final", "countdown"]],
    ["Isolated", ["the", "-", "final", "-", "-", "countdown"]],
    ["MergedWithPrevious", ["the-", "final-", "-", "countdown"]],
    ["MergedWithNext", ["the", "-final", "-", "-countdown"]],
    ["Contiguous", ["the", "-", "final", "--", "countdown"]],
  ] as const)("%s", (behavior, expected) => {
    expect(pieces(behavior)).toEqual(expected);
  });

  test("with invert, what lies between the matches is the delimiter", () => {
    expect(pieces("Removed", true)).toEqual(["-", "-", "-"]);
  });
});

describe("regexMatcher()", () => {
  test("does not count an empty match right after another match", () => {
    expect(regexMatcher(/x*/gu)("xxa")).toEqual([[0, 2], [3, 3]]); // prettier-ignore
  });

  test("finds nothing within a surrogate pair", () => {
    expect(regexMatcher(/(?<![\s\S])|(?<=b)/gu)("a\u{1f600}b")).toEqual([[0, 0], [4, 4]]); // prettier-ignore
  });

  test("sees characters of Unicode 17 as unassigned", () => {
    expect(regexMatcher(/\p{L}/gu)("a\u088fb")).toEqual([[0, 1], [2, 3]]); // prettier-ignore
  });
});

describe("patternMatcher()", () => {
  const matcher = (pattern: object) => patternMatcher(new JsonFields({ pattern }, "test"), "pattern");

  test("takes a string literally", () => {
    expect(matcher({ String: "a.b|(" })("a.b|( axb|(")).toEqual([[0, 5]]);
  });

  test("reads Oniguruma's expressions", () => {
    expect(matcher({ Regex: "(?i:AB)|\\h\\z" })("ab xF")).toEqual([[0, 2], [4, 5]]); // prettier-ignore
  });

  test("names the file's place when there is neither", () => {
    expect(() => matcher({ Glob: "*" })).toThrow("test: pattern: expected");
  });
});
