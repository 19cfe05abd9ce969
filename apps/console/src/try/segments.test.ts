import { describe, expect, test } from "vitest";
import { segmentsOf } from "./segments.ts";

const pieces = (text: string, spans: readonly { start: number; end: number }[]) =>
  segmentsOf(text, spans).map(({ text: piece, span }) => (span === null ? piece : `[${piece}]`));

describe("segmentsOf()", () => {
  test("places count UTF-16 units: an emoji is two of them, one of a family eleven", () => {
    const text = "😀 Café 👨‍👩‍👧‍👦 on";
    const start = "😀 Café 👨‍👩‍👧‍👦 ".length;
    expect(start).toBe(20);
    expect(
      pieces(text, [
        { start: 0, end: 2 },
        { start: 3, end: 7 },
        { start, end: start + 2 },
      ]),
    ).toEqual(["[😀]", " ", "[Café]", " 👨‍👩‍👧‍👦 ", "[on]"]);
  });

  test("spans come in any order, and the pieces are the text", () => {
    const text = "the layers of a stage";
    const spans = [
      { start: 16, end: 21 },
      { start: 0, end: 3 },
    ];
    expect(pieces(text, spans)).toEqual(["[the]", " layers of a ", "[stage]"]);
    expect(
      segmentsOf(text, spans)
        .map((each) => each.text)
        .join(""),
    ).toBe(text);
  });

  test("of spans that overlap the first is whole; one inside another is not marked again", () => {
    expect(
      pieces("abcdef", [
        { start: 0, end: 3 },
        { start: 2, end: 5 },
        { start: 3, end: 4 },
      ]),
    ).toEqual(["[abc]", "[de]", "f"]);
  });

  test("an empty span marks nothing, and one outside of the text is an error", () => {
    expect(pieces("ab", [{ start: 1, end: 1 }])).toEqual(["ab"]);
    expect(() => segmentsOf("ab", [{ start: 1, end: 3 }])).toThrow("expected a span within 2 characters, got 1 to 3");
  });
});
