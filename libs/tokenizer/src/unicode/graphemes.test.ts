/** @file Grapheme clusters: the short cut for characters that stand alone must not change what Intl.Segmenter finds. */
import { describe, expect, test } from "vitest";
import { forEachGrapheme, isSolitary } from "./graphemes.ts";

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
const expected = (text: string) => Array.from(segmenter.segment(text), ({ segment }) => segment);

function clusters(text: string): string[] {
  const result: string[] = [];
  forEachGrapheme(text, (start, end) => result.push(text.slice(start, end)));
  return result;
}

describe("forEachGrapheme()", () => {
  test.each([
    "",
    "plain",
    "a\r\nb\n\rc",
    "e\u0301\u0301x\u0301",
    "\u0301start",
    "\u{1f469}\u200d\u{1f469}\u200d\u{1f467}!",
    "\u{1f1eb}\u{1f1f7}\u{1f1eb}",
    "\u0915\u094d\u0937\u0915\u094d\u200d\u0937",
    "\u1112\u1161\u11ab\uac00\u11a8a",
    "\u0600a\u0600\u0601b",
    "\u0e01\u0e33x",
    "1\ufe0f\u20e3\u00a9\ufe0f",
    "\u00ada\u200db",
  ])("finds the clusters of %j", (text) => {
    expect(clusters(text)).toEqual(expected(text));
  });

  test("finds the clusters of every two characters out of one of each kind", () => {
    const kinds = Array.from(
      "aZ \r\n\t\u00a9\u00ad\u0301\u0308\u0600\u0903\u0915\u094d\u0d4e\u0e33\u1100\u1161\u11a8\uac00\uac01\u200b\u200d\u2028\u20e3\u4e2d\ufe0f\u{1f1eb}\u{1f3fd}\u{1f469}\u{1f600}\u{e0061}\u{11000}",
    );
    for (const a of kinds)
      for (const b of kinds)
        for (const c of ["", "\u0301", "a", "\u0915", "\u{1f469}"])
          expect(clusters(a + b + c)).toEqual(expected(a + b + c));
  });
});

describe("isSolitary()", () => {
  test("is false for what can join a neighbour", () => {
    const joining = "\r\n\u0301\u0600\u094d\u1100\uac00\u200d\ufe0f\u{1f1eb}\u{1f3fd}\u{1f600}";
    expect(Array.from(joining).filter((char) => isSolitary(char.codePointAt(0)!))).toEqual([]);
  });
});
