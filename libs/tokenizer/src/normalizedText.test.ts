/** @file Texts that remember where they came from. Expected alignments follow from the rule of each operation. */
import { describe, expect, test } from "vitest";
import { NormalizedText } from "./normalizedText.ts";

/** Text and original span of each character. */
function alignment(text: NormalizedText) {
  let at = 0;
  return Array.from(text.text, (char) => {
    const span = text.originalSpan(at, at + char.length);
    at += char.length;
    return [char, ...span];
  });
}

describe("NormalizedText.originalSpan()", () => {
  test("is the span itself in a text that nothing changed", () => {
    expect(NormalizedText.from("abc").slice(1, 3).originalSpan(0, 2)).toEqual([1, 3]);
  });

  test("takes a position inside a character for the whole of it", () => {
    expect(NormalizedText.from("a\u{1f600}b").originalSpan(2, 2 + 1)).toEqual([1, 3]);
    expect(NormalizedText.from("a\u{1f600}b").originalSpan(0, 2)).toEqual([0, 3]);
  });
});

describe("NormalizedText.transform()", () => {
  test("aligns a replacement with what it replaces, an addition with what is before it", () => {
    const text = NormalizedText.from("xyz").transform("ABCD", [0, 1, 0, 0]);
    expect(alignment(text)).toEqual([["A", 0, 1], ["B", 0, 1], ["C", 1, 2], ["D", 2, 3]]); // prettier-ignore
  });

  test("drops what is removed after a character and at the start", () => {
    const text = NormalizedText.from("__x\u{1f600}yz").transform("Xz", [-2, 0], 2);
    expect(alignment(text)).toEqual([["X", 2, 3], ["z", 6, 7]]); // prettier-ignore
  });

  test("keeps the original positions of a slice", () => {
    const text = NormalizedText.from("ab cd").slice(3, 5).transform("CCD", [0, 1, 0]);
    expect(alignment(text)).toEqual([["C", 3, 4], ["C", 3, 4], ["D", 4, 5]]); // prettier-ignore
    expect([text.originalStart, text.originalEnd]).toEqual([3, 5]);
  });
});

describe("NormalizedText.filter()", () => {
  test("leaves the positions of what stays", () => {
    const text = NormalizedText.from("-a--b-").filter((char) => char !== "-");
    expect(alignment(text)).toEqual([["a", 1, 2], ["b", 4, 5]]); // prettier-ignore
  });

  test("is the same text when all stays, and empty when nothing does", () => {
    const text = NormalizedText.from("ab");
    expect(text.filter(() => true)).toBe(text);
    expect(text.filter(() => false).text).toBe("");
  });
});

describe("NormalizedText.prepend()", () => {
  test("aligns the prefix with the first character", () => {
    expect(alignment(NormalizedText.from("ab").prepend("__"))).toEqual([["_", 0, 1], ["_", 0, 1], ["a", 0, 1], ["b", 1, 2]]); // prettier-ignore
  });

  test("leaves an empty text empty", () => {
    expect(NormalizedText.from("").prepend("_").text).toBe("");
  });
});

describe("NormalizedText.replace()", () => {
  test("aligns the content with the last character that it replaces", () => {
    const text = NormalizedText.from("a  b").replace([[1, 3]], "__");
    expect(alignment(text)).toEqual([["a", 0, 1], ["_", 2, 3], ["_", 2, 3], ["b", 3, 4]]); // prettier-ignore
  });

  test("aligns what is put at the very start with nothing", () => {
    const text = NormalizedText.from("ab").replace([[0, 0]], "_");
    expect(alignment(text)).toEqual([["_", 0, 0], ["a", 0, 1], ["b", 1, 2]]); // prettier-ignore
  });
});

describe("NormalizedText.strip()", () => {
  test("takes white space off the ends asked for", () => {
    const text = NormalizedText.from("\u3000 a b\t");
    expect(alignment(text.strip(true, true))).toEqual([["a", 2, 3], [" ", 3, 4], ["b", 4, 5]]); // prettier-ignore
    expect(text.strip(false, true).text).toBe("\u3000 a b");
    expect(text.strip(false, false)).toBe(text);
  });
});

describe("NormalizedText.slice()", () => {
  test("keeps the alignment of a text that was changed before", () => {
    const text = NormalizedText.from("a\u00e9b").transform("ae\u0301b", [0, 0, 1, 0]);
    expect(alignment(text.slice(1, 3))).toEqual([["e", 1, 2], ["\u0301", 1, 2]]); // prettier-ignore
    expect(text.slice(2, 4).slice(1, 2).originalSpan(0, 1)).toEqual([2, 3]);
  });
});
