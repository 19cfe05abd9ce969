/** @file The cleaning of sentencepiece's "nmt" rules: some controls removed, other blanks and U+FFFD made spaces. */
import type { NormalizedText } from "../normalizedText.ts";
import { wordLocal, type Normalizer } from "./normalizer.ts";

// oxlint-disable-next-line no-control-regex
const removed = /[\u0001-\u0008\u000b\u000e-\u001f\u007f\u008f\u009f]/;
const blank = /[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/;
const allRemoved = new RegExp(removed, "g");
const allBlanks = new RegExp(blank, "g");

export class Nmt implements Normalizer {
  readonly locality = wordLocal;

  normalizeString(text: string): string {
    return text.replace(allRemoved, "").replace(allBlanks, " ");
  }

  normalize(text: NormalizedText): NormalizedText {
    return text.filter((char) => !removed.test(char)).mapChars((char) => (blank.test(char) ? " " : char));
  }
}
