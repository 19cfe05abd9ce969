/**
 * @file BERT's normalizer: cleaning, spaces around ideographs, stripping of accents, lower case.
 *
 * Accents are stripped when `strip_accents` says so, or, when it is absent, with lower case. Lower case is taken character
 * by character, without the special case of a final sigma.
 */
import type { JsonFields } from "../jsonFields.ts";
import type { NormalizedText } from "../normalizedText.ts";
import { isWhitespaceUnit } from "../unicode/characters.ts";
import { bertControl, bertIdeograph, nonspacingMark } from "../unicode/pinnedClasses.ts";
import { lowercaseString, lowercaseText } from "./lowercase.ts";
import { wordLocal, type Normalizer } from "./normalizer.ts";
import { formOfText } from "./unicodeForm.ts";
import { normalizeForm } from "../unicode/normalizationForms.ts";

const control = new RegExp(bertControl, "v");
const controls = new RegExp(bertControl, "gv");
const ideograph = new RegExp(bertIdeograph, "v");
const ideographs = new RegExp(bertIdeograph, "gv");
const accent = new RegExp(nonspacingMark, "v");
const accents = new RegExp(nonspacingMark, "gv");
const whitespace = /\p{White_Space}/gu;
const printableAscii = /^[\t\n\r -~]*$/;

export class BertNormalizer implements Normalizer {
  readonly locality = wordLocal;
  readonly #cleanText: boolean;
  readonly #handleIdeographs: boolean;
  readonly #stripAccents: boolean;
  readonly #lowercase: boolean;

  constructor(config: JsonFields) {
    this.#cleanText = config.boolean("clean_text", true);
    this.#handleIdeographs = config.boolean("handle_chinese_chars", true);
    this.#lowercase = config.boolean("lowercase", true);
    this.#stripAccents = config.boolean("strip_accents", this.#lowercase);
  }

  normalizeString(text: string): string {
    if (printableAscii.test(text)) return this.#normalizeAscii(text);
    let result = text;
    if (this.#cleanText) result = result.replace(controls, "").replace(whitespace, " ");
    if (this.#handleIdeographs) result = result.replace(ideographs, " $& ");
    if (this.#stripAccents) result = normalizeForm(result, "NFD").replace(accents, "");
    return this.#lowercase ? lowercaseString(result) : result;
  }

  normalize(text: NormalizedText): NormalizedText {
    if (printableAscii.test(text.text)) return text.withSameShape(this.#normalizeAscii(text.text));
    let result = text;
    if (this.#cleanText) {
      result = result.filter((char) => !control.test(char));
      result = result.mapChars((char) => (isWhitespaceUnit(char.charCodeAt(0)) ? " " : char));
    }
    if (this.#handleIdeographs) result = spaceIdeographs(result);
    if (this.#stripAccents) result = formOfText(result, "NFD").filter((char) => !accent.test(char));
    return this.#lowercase ? lowercaseText(result) : result;
  }

  #normalizeAscii(text: string): string {
    const cleaned = this.#cleanText ? text.replace(/[\t\n\r]/g, " ") : text;
    return this.#lowercase ? cleaned.toLowerCase() : cleaned;
  }
}

/** An ideograph becomes space, ideograph, space; in the alignment the first space takes its place and the others are added. */
function spaceIdeographs(text: NormalizedText): NormalizedText {
  return text.mapChars((char) => (ideograph.test(char) ? ` ${char} ` : char));
}
