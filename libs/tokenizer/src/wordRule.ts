/**
 * @file When a text may be tokenized word by word with the result of tokenizing it whole.
 *
 * That allows two things on which speed rests: ids of a word can be remembered, and reading can stop once enough tokens
 * are there. A rule is derived from what the components promise, and checked on the characters that separate words.
 */
import type { AddedTokens } from "./addedTokens.ts";
import type { Normalizer } from "./normalizers/normalizer.ts";
import type { PreTokenizer } from "./preTokenizers/preTokenizer.ts";
import { isWhitespaceUnit } from "./unicode/characters.ts";
import { isSolitary } from "./unicode/graphemes.ts";

export type WordRuleParts = {
  readonly normalizer: Normalizer | undefined;
  readonly preTokenizer: PreTokenizer | undefined;
  readonly addedTokens: AddedTokens;
};

const space = 0x20;
const separatorCandidates = [" ", "\n", "\t", "\r"];

/** Cuts a text into words. */
export interface WordRule {
  /**
   * The next word of `text` at or after `from`.
   *
   * @returns its start (`to` when there is none) and its end, from where to go on
   */
  next(text: string, from: number, to: number): readonly [start: number, end: number];
}

/** The rule for these components, or `undefined` when texts must be tokenized whole. */
export function wordRuleFor({ normalizer, preTokenizer, addedTokens }: WordRuleParts): WordRule | undefined {
  const locality = normalizer?.locality ?? { boundaries: "any", trimsEdges: false };
  if (preTokenizer === undefined || preTokenizer.needsOffsets || locality.boundaries === "none") return undefined;
  const reachesOver = addedTokens.normalized.tokens.some((token) => token.lstrip || token.rstrip);
  const containsSpace = addedTokens.tokens.some((token) => /\s/.test(addedTokens.tokenOf(token.id) + token.content));
  if (reachesOver || containsSpace) return undefined;
  const needsSolitary = locality.boundaries === "solitary";
  if (preTokenizer.whitespace === "drops") {
    const separators = separatorCandidates.filter((char) => isSpaceAfter(normalizer, `a${char}b`));
    const isLineEndSafe = !needsSolitary || isSpaceAfter(normalizer, "a\r\nb");
    return separators.includes(" ") && isLineEndSafe ? new DroppedSpaceRule(separators, needsSolitary) : undefined;
  }
  if (preTokenizer.whitespace === "leads" && !locality.trimsEdges && isSpaceAfter(normalizer, "a b")) {
    return new LeadingSpaceRule(normalizer, needsSolitary);
  }
  return undefined;
}

function isSpaceAfter(normalizer: Normalizer | undefined, text: string): boolean {
  return /^a\s+b$/.test(normalizer?.normalizeString(text) ?? text);
}

/** Words are what lies between white space. */
class DroppedSpaceRule implements WordRule {
  readonly #isSeparator = new Uint8Array(128);
  readonly #needsSolitary: boolean;

  constructor(separators: readonly string[], needsSolitary: boolean) {
    for (const separator of separators) this.#isSeparator[separator.charCodeAt(0)] = 1;
    this.#needsSolitary = needsSolitary;
  }

  next(text: string, from: number, to: number): readonly [number, number] {
    const isSeparator = this.#isSeparator;
    const visible = this.#endOfSeparators(text, from, to);
    // White space at the very start of a text may be one with what follows it.
    const start = this.#isApart(text, visible, to) ? visible : from;
    for (let end = visible; end < to; end++) {
      if (isSeparator[text.charCodeAt(end)] !== 1) continue;
      if (!this.#needsSolitary) return [start, end];
      const next = this.#endOfSeparators(text, end, to);
      if (isSolitaryBefore(text, end) && this.#isApart(text, next, to)) return [start, end];
      end = next - 1;
    }
    return [start, to];
  }

  #endOfSeparators(text: string, from: number, to: number): number {
    let end = from;
    while (end < to && this.#isSeparator[text.charCodeAt(end)] === 1) end++;
    return end;
  }

  /** Whether the character at `at` cannot be one with the white space before it. */
  #isApart(text: string, at: number, to: number): boolean {
    return !this.#needsSolitary || at === to || isSolitary(text.codePointAt(at)!);
  }
}

/** A word begins with the spaces before it. */
class LeadingSpaceRule implements WordRule {
  readonly #normalizer: Normalizer | undefined;
  readonly #needsSolitary: boolean;
  readonly #solid = new Map<number, boolean>();

  constructor(normalizer: Normalizer | undefined, needsSolitary: boolean) {
    this.#normalizer = normalizer;
    this.#needsSolitary = needsSolitary;
  }

  next(text: string, from: number, to: number): readonly [number, number] {
    let end = from;
    while (end < to && text.charCodeAt(end) === space) end++;
    for (; end < to; end++) {
      if (text.charCodeAt(end) === space && this.#isBoundary(text, end, to)) return [from, end];
    }
    return [from, to];
  }

  /** Whether a run of spaces that starts at `at` can begin a word. */
  #isBoundary(text: string, at: number, to: number): boolean {
    if (!this.#isSolid(codePointBefore(text, at))) return false;
    if (!this.#needsSolitary) return true;
    let next = at;
    while (next < to && text.charCodeAt(next) === space) next++;
    return isSolitaryBefore(text, at) && (next === to || isSolitary(text.codePointAt(next)!));
  }

  /** Whether a character is visible and stays so when it is normalized: then no white space lies before the boundary. */
  #isSolid(codePoint: number): boolean {
    let solid = this.#solid.get(codePoint);
    if (solid === undefined) {
      const char = String.fromCodePoint(codePoint);
      const normalized = this.#normalizer?.normalizeString(char) ?? char;
      const last = normalized.charCodeAt(normalized.length - 1);
      solid = normalized !== "" && !isWhitespaceUnit(codePoint) && !isWhitespaceUnit(last);
      this.#solid.set(codePoint, solid);
    }
    return solid;
  }
}

function isSolitaryBefore(text: string, at: number): boolean {
  return at === 0 || isSolitary(codePointBefore(text, at));
}

/** The code point that ends at `at`. */
function codePointBefore(text: string, at: number): number {
  const unit = text.charCodeAt(at - 1);
  return (unit & 0xfc00) === 0xdc00 && at > 1 ? text.codePointAt(at - 2)! : unit;
}
