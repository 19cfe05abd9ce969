/** @file Normalization forms of every character against Rust's tokenizers 0.23.3 (tools/oracles/tokenizer_unicode.py). */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { changesToForm, normalizeForm, type NormalizationForm } from "./normalizationForms.ts";

const { digests } = JSON.parse(
  gunzipSync(readFileSync(new URL("../../fixtures/unicode.json.gz", import.meta.url))).toString(),
) as { digests: Record<string, string> };

function digest(map: (char: string) => string): string {
  const hash = createHash("sha256");
  for (let code = 0; code <= 0x10ffff; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    hash.update(`${code.toString(16)}:${map(String.fromCodePoint(code))}\n`);
  }
  return hash.digest("hex");
}

const forms: NormalizationForm[] = ["NFC", "NFD", "NFKC", "NFKD"];
const betweenMarks = (char: string) => `e\u0345${char}\u0334\u0301`;
const changedText = (text: string, form: NormalizationForm) => changesToForm(text, form)?.text ?? text;

describe("normalizeForm()", () => {
  test.each(forms)("%s of every character is Rust's", (form) => {
    expect(digest((char) => normalizeForm(char, form))).toBe(digests[form]);
  });
});

describe("changesToForm()", () => {
  test.each(forms)("arrives at the same text for %s", (form) => {
    expect(digest((char) => changedText(char, form))).toBe(digests[form]);
  });

  test.each(["NFC", "NFD"] as const)("orders and joins marks around every character as Rust does for %s", (form) => {
    expect(digest((char) => changedText(betweenMarks(char), form))).toBe(digests[`${form} between marks`]);
  });

  test("is undefined when nothing changes", () => {
    expect(changesToForm("caf\u00e9", "NFC")).toBeUndefined();
  });

  test("counts the parts of a character as one replaced and others added, and joined ones as removed", () => {
    expect(changesToForm("\u00e9", "NFD")).toEqual({ text: "e\u0301", changes: [0, 1] });
    expect(changesToForm("e\u0301x", "NFC")).toEqual({ text: "\u00e9x", changes: [-1, 0] });
    expect(changesToForm("\ufb03", "NFKC")).toEqual({ text: "ffi", changes: [0, 1, 1] });
  });

  test("leaves characters alone that came after Unicode 9", () => {
    expect(changesToForm("\u{1611e}\u{1611e}", "NFC")).toBeUndefined();
  });
});
