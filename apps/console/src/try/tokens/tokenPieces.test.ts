import { describe, expect, test } from "vitest";
import { bytesOf, piecesOf, readText, visible, type Token } from "./tokenPieces.ts";

const special = (text: string): Token => ({ id: 0, text, special: true, start: null, stop: null });
const piece = (text: string, start: number, stop: number): Token => ({ id: 1, text, special: false, start, stop });

/** "Café 😀 on": é is two bytes, the emoji four. */
const text = "Café 😀 on";
const tokens = [special("[CLS]"), piece("Café", 0, 5), piece("😀", 6, 10), piece("on", 11, 13), special("[SEP]")];

describe("readText()", () => {
  test("places are bytes of UTF-8", () => {
    expect(readText(text, tokens)).toEqual(new TextEncoder().encode(text));
  });

  test("finds out that the model lower-cases, and that tokens are of another text", () => {
    const lower = tokens.map((token) => (token.special ? token : { ...token, text: token.text.toLowerCase() }));
    expect(readText(text, lower)).toEqual(new TextEncoder().encode("café 😀 on"));
    expect(readText("Other 😀 text", tokens)).toBeNull();
  });
});

describe("piecesOf()", () => {
  const bytes = new TextEncoder().encode(text);

  test("gaps are what belongs to no token", () => {
    const pieces = piecesOf(tokens, { bytes, maxLength: 10 });
    expect(pieces.map(({ gap }) => gap)).toEqual(["", "", " ", " ", ""]);
    expect(pieces.some(({ isCut }) => isCut)).toBe(false);
  });

  test("what is longer than the model takes is cut before the last special token", () => {
    const pieces = piecesOf(tokens, { bytes, maxLength: 4 });
    expect(pieces.map(({ isCut }) => isCut)).toEqual([false, false, false, true, false]);
    expect(piecesOf(tokens, { bytes, maxLength: 5 }).some(({ isCut }) => isCut)).toBe(false);
  });

  test("further tokens of one character repeat it", () => {
    const parts = [piece("😀", 6, 10), piece("😀", 6, 10), piece("on", 11, 13)];
    expect(piecesOf(parts, { bytes, maxLength: 9 }).map(({ isRepeat }) => isRepeat)).toEqual([false, true, false]);
  });
});

test("visible() has a sign for each kind of white space, and the code point of what has no shape", () => {
  expect(visible("a b\tc\nd\u00a0e\u200bf\u0007")).toBe("a·b→c⏎d⍽e⟨U+200B⟩f⟨U+0007⟩");
});

test("bytesOf() is UTF-8 (Unicode 17, table 3-6)", () => {
  expect(bytesOf("é😀")).toBe("C3 A9 F0 9F 98 80");
});
