/**
 * @file Every code point's classes against what Rust's tokenizers 0.23.3 does with it (tools/oracles/tokenizer_unicode.py).
 *
 * Code points that this engine's Unicode does not know are left out: there the lists cannot make up for the engine.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { lowercaseString } from "../normalizers/lowercase.ts";
import { isWhitespaceUnit } from "./characters.ts";
import {
  asUnicode16,
  bertControl,
  bertIdeograph,
  combiningMark,
  nonspacingMark,
  punctuation,
  wordCharacter,
} from "./pinnedClasses.ts";

type Ranges = readonly (readonly [first: number, last: number])[];
const oracle = JSON.parse(
  gunzipSync(readFileSync(new URL("../../fixtures/unicode.json.gz", import.meta.url))).toString(),
) as { classes: Record<string, Ranges>; lowercase: [number, string][] };

const assigned = /^\P{Cn}$/u;
const newest = 0x10ffff;

/** Code points where a test and the oracle's class differ, in hexadecimal. */
function differences(name: string, isMember: (char: string) => boolean): string[] {
  const expected = new Uint8Array(newest + 1);
  for (const [first, last] of oracle.classes[name]) expected.fill(1, first, last + 1);
  const result: string[] = [];
  for (let code = 0; code <= newest; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const char = String.fromCodePoint(code);
    if (isMember(char) !== (expected[code] === 1) && (expected[code] === 0 || assigned.test(char)))
      result.push(code.toString(16));
  }
  return result;
}

const matches = (source: string) => {
  const regex = new RegExp(`^${source}$`, "v");
  return (char: string) => regex.test(char);
};

describe("the character classes", () => {
  test.each([
    ["bertControl", bertControl],
    ["bertIdeograph", bertIdeograph],
    ["combiningMark", combiningMark],
    ["punctuation", punctuation],
    ["whitespace", "\\p{White_Space}"],
    ["numeric", "\\p{N}"],
  ])("%s has the members that Rust's has", (name, source) => {
    expect(differences(name, matches(source))).toEqual([]);
  });

  test("nonspacingMark has the members that Rust's has, but for characters that decompose first", () => {
    const isMark = matches(nonspacingMark);
    expect(differences("nonspacingMark", (char) => isMark(char) && char.normalize("NFD") === char)).toEqual([]);
  });
});

describe("isWhitespaceUnit()", () => {
  test("is true for the white space of Rust", () => {
    expect(differences("whitespace", (char) => char.length === 1 && isWhitespaceUnit(char.charCodeAt(0)))).toEqual([]);
  });
});

describe("asUnicode16()", () => {
  test.each([
    ["wordCharacter", wordCharacter],
    ["onigurumaLetter", "\\p{L}"],
    ["onigurumaNumber", "\\p{N}"],
    ["onigurumaSpace", "\\p{White_Space}"],
    ["onigurumaUnassigned", "\\p{Cn}"],
  ])("makes this engine's class the one of Rust's patterns: %s", (name, source) => {
    const isMember = matches(source);
    expect(differences(name, (char) => isMember(asUnicode16(char)))).toEqual([]);
  });

  test("keeps the length of the text", () => {
    const text = "a\u088fb\u{10940}c\u{323b0}";
    expect(asUnicode16(text)).toBe("a\ufdd0b\u{1fffe}c\u{1fffe}");
  });
});

describe("lowercaseString()", () => {
  test("maps every character as Rust does", () => {
    const mapped = new Map(oracle.lowercase);
    const wrong: string[] = [];
    for (let code = 0; code <= newest; code++) {
      if (code >= 0xd800 && code <= 0xdfff) continue;
      const char = String.fromCodePoint(code);
      if (assigned.test(char) && lowercaseString(char) !== (mapped.get(code) ?? char)) wrong.push(code.toString(16));
    }
    expect(wrong).toEqual([]);
  });
});
