/** @file Offsets in other units: expected numbers are counted by hand or by TextEncoder. */
import { describe, expect, test } from "vitest";
import { toCodePointOffsets, toUtf8Offsets } from "./offsets.ts";

const family = "\u{1f469}\u200d\u{1f467}";
const texts = [
  "",
  "plain",
  "na\u00efve",
  `a${family}b`,
  "\u4e2d\u6587",
  "\u{20000}x",
  "e\u0301",
  "\ud800",
  "a\udc00\ud800b",
  "\udc00\ud83d",
];

const wholeCharacters = (text: string) => {
  const ends = [0];
  for (const char of text) ends.push(ends.at(-1)! + char.length);
  return ends;
};

describe("toUtf8Offsets()", () => {
  test.each(texts)("counts the bytes of every prefix of %j", (text) => {
    const ends = wholeCharacters(text);
    const bytes = ends.map((end) => new TextEncoder().encode(text.slice(0, end)).length);
    expect(Array.from(toUtf8Offsets(text, ends))).toEqual(bytes);
  });

  test("takes a position inside a character for its start", () => {
    expect(Array.from(toUtf8Offsets("a\u{1f600}b", [1, 2, 3, 4]))).toEqual([1, 1, 5, 6]);
  });

  test("takes offsets in any order", () => {
    expect(Array.from(toUtf8Offsets("\u00e9a", [2, 0, 1]))).toEqual([3, 0, 2]);
  });

  test.each([-1, 3, 0.5, Number.NaN])("refuses %s as a position in a text of two units", (offset) => {
    expect(() => toUtf8Offsets("ab", [offset])).toThrow(RangeError);
  });
});

describe("toCodePointOffsets()", () => {
  test.each(texts)("counts the code points of every prefix of %j", (text) => {
    const ends = wholeCharacters(text);
    expect(Array.from(toCodePointOffsets(text, ends))).toEqual(
      ends.map((end) => Array.from(text.slice(0, end)).length),
    );
  });

  test("needs time in proportion to the text", () => {
    const text = "\u{1f600}".repeat(200_000);
    const positions = Int32Array.from({ length: 200_000 }, (_, i) => 2 * i);
    expect(toCodePointOffsets(text, positions).at(-1)).toBe(199_999);
  });
});
