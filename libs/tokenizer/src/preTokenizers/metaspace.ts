/**
 * @file sentencepiece's view of spaces: each becomes a visible character, one is put before the text (always, only at the
 * very start of the input, or never), and words are cut before it.
 */
import { TokenizerFileError, describe } from "../errors.ts";
import type { JsonFields } from "../jsonFields.ts";
import type { NormalizedText, Span } from "../normalizedText.ts";
import { splitAt } from "../pattern.ts";
import { slicesOf, type PreTokenizer, type WhitespaceRole } from "./preTokenizer.ts";

export const prependSchemes = ["always", "first", "never"] as const;
export type PrependScheme = (typeof prependSchemes)[number];

export class Metaspace implements PreTokenizer {
  readonly whitespace: WhitespaceRole;
  readonly needsOffsets: boolean;
  readonly #replacement: string;
  readonly #prependScheme: PrependScheme;
  readonly #split: boolean;

  constructor(config: JsonFields) {
    const { replacement, prependScheme } = metaspaceOptions(config);
    this.#replacement = replacement;
    this.#prependScheme = prependScheme;
    this.#split = config.boolean("split", true);
    this.whitespace = this.#split ? "leads" : "other";
    this.needsOffsets = prependScheme === "first";
  }

  preTokenize(pieces: readonly NormalizedText[]): NormalizedText[] {
    return pieces.flatMap((piece) => {
      const replaced = piece.replace(findAll(piece.text, " "), this.#replacement);
      const isPrefixed = this.#takesPrefix(replaced.text, replaced.originalStart === 0);
      const prefixed = isPrefixed ? replaced.prepend(this.#replacement) : replaced;
      return prefixed.slices(this.#words(prefixed.text));
    });
  }

  preTokenizeStrings(pieces: readonly string[]): string[] {
    if (this.needsOffsets) throw new Error("internal: prepend_scheme first needs offsets");
    return pieces.flatMap((piece) => {
      const replaced = piece.replaceAll(" ", this.#replacement);
      const prefixed = this.#takesPrefix(replaced, false) ? this.#replacement + replaced : replaced;
      return slicesOf(prefixed, this.#words(prefixed));
    });
  }

  #takesPrefix(text: string, isAtStart: boolean): boolean {
    if (text === "" || text.startsWith(this.#replacement)) return false;
    return this.#prependScheme === "always" || (this.#prependScheme === "first" && isAtStart);
  }

  #words(text: string): Span[] {
    if (!this.#split) return [[0, text.length]];
    return splitAt(text, findAll(text, this.#replacement), { behavior: "MergedWithNext" });
  }
}

/** The options that the pre-tokenizer and the decoder share, older spellings included. */
export function metaspaceOptions(config: JsonFields): {
  readonly replacement: string;
  readonly prependScheme: PrependScheme;
} {
  const replacement = config.string("replacement").toWellFormed();
  if (Array.from(replacement).length !== 1) {
    throw new TokenizerFileError(config.path("replacement"), "one character", { got: describe(replacement) });
  }
  const prependScheme = config.choice("prepend_scheme", prependSchemes, "always");
  const addsNoPrefix = config.has("add_prefix_space") && !config.boolean("add_prefix_space");
  if (addsNoPrefix && prependScheme !== "never" && config.has("prepend_scheme")) {
    throw new TokenizerFileError(
      config.path("add_prefix_space"),
      `no contradiction of prepend_scheme ${prependScheme}`,
    );
  }
  return { replacement, prependScheme: addsNoPrefix ? "never" : prependScheme };
}

function findAll(text: string, part: string): Span[] {
  const spans: Span[] = [];
  for (let i = text.indexOf(part); i >= 0; i = text.indexOf(part, i + part.length)) spans.push([i, i + part.length]);
  return spans;
}
