/**
 * @file GPT-2's pre-tokenizer: a space before the text if asked for, words by GPT-2's expression unless switched off, and
 * each byte as the character that stands for it.
 */
import { byteCharacters, toByteLevel } from "../byteLevelAlphabet.ts";
import type { JsonFields } from "../jsonFields.ts";
import type { NormalizedText, Span } from "../normalizedText.ts";
import { regexMatcher, splitAt } from "../pattern.ts";
import { slicesOf, type PreTokenizer, type WhitespaceRole } from "./preTokenizer.ts";

const space = "\\p{White_Space}";
const gpt2Words = regexMatcher(
  new RegExp(
    `'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^${space}\\p{L}\\p{N}]+|${space}+(?!\\P{White_Space})|${space}+`,
    "gu",
  ),
);

export class ByteLevelPreTokenizer implements PreTokenizer {
  readonly whitespace: WhitespaceRole;
  readonly needsOffsets = false;
  readonly #addPrefixSpace: boolean;
  readonly #useRegex: boolean;

  constructor(config: JsonFields) {
    this.#addPrefixSpace = config.boolean("add_prefix_space");
    this.#useRegex = config.boolean("use_regex", true);
    this.whitespace = this.#useRegex ? "leads" : "other";
  }

  preTokenize(pieces: readonly NormalizedText[]): NormalizedText[] {
    return pieces.flatMap((piece) => {
      const prefixed = this.#addPrefixSpace && !piece.text.startsWith(" ") ? piece.prepend(" ") : piece;
      return prefixed.slices(this.#words(prefixed.text)).map((word) => word.mapChars(byteLevelChar));
    });
  }

  preTokenizeStrings(pieces: readonly string[]): string[] {
    return pieces.flatMap((piece) => {
      const prefixed = this.#addPrefixSpace && !piece.startsWith(" ") ? ` ${piece}` : piece;
      return slicesOf(prefixed, this.#words(prefixed)).map(toByteLevel);
    });
  }

  #words(text: string): Span[] {
    return this.#useRegex ? splitAt(text, gpt2Words(text), { behavior: "Isolated" }) : [[0, text.length]];
  }
}

function byteLevelChar(char: string): string {
  const unit = char.charCodeAt(0);
  return unit < 0x80 ? byteCharacters[unit] : toByteLevel(char);
}
