/**
 * @file Patterns of tokenizer files (a literal string, or a regular expression in Oniguruma's syntax), where they match,
 * and the ways to split a text at its matches.
 *
 * The translation from Oniguruma to JavaScript is that of @huggingface/tokenizers. Matching follows Rust's onig crate:
 * an empty match right after another match does not count; and character classes are those of Unicode 16. (V8 finds empty
 * matches within surrogate pairs for expressions that begin with a lookbehind; they do not count either.)
 */
import { SplitPreTokenizer } from "@huggingface/tokenizers";
import { TokenizerFileError, describe } from "./errors.ts";
import type { JsonFields } from "./jsonFields.ts";
import type { Span } from "./normalizedText.ts";
import { translatableSource } from "./onigurumaSource.ts";
import { isInsidePair } from "./unicode/characters.ts";
import { asUnicode16 } from "./unicode/pinnedClasses.ts";

/** Where something matches in a text: non-overlapping spans in order. */
export type Matcher = (text: string) => Span[];

/** What becomes of the delimiter when a text is split at it. */
export const splitBehaviors = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"] as const;
export type SplitBehavior = (typeof splitBehaviors)[number];

/** The matcher for field `name`, which is `{ "String": ... }` or `{ "Regex": ... }`. */
export function patternMatcher(component: JsonFields, name: string): Matcher {
  const pattern = component.fields(name);
  if (typeof pattern.object.String === "string") return regexMatcher(literal(pattern.object.String));
  if (typeof pattern.object.Regex === "string") return regexMatcher(translated(pattern.object.Regex, pattern.where));
  throw new TokenizerFileError(pattern.where, '{ "String": text } or { "Regex": expression }', {
    got: describe(component.object[name]),
  });
}

/** The text of a `{ "String": text }` pattern, or the source of a `{ "Regex": source }` one. */
export function patternSource(
  component: JsonFields,
  name: string,
): { readonly text?: string; readonly regex?: string } {
  const { String: text, Regex: regex } = component.fields(name).object;
  return { ...(typeof text === "string" && { text }), ...(typeof regex === "string" && { regex }) };
}

/** Matches of a regular expression that has the flag `g`; an empty text has none. */
export function regexMatcher(regex: RegExp): Matcher {
  return (text) => {
    if (text === "") return [];
    const subject = asUnicode16(text);
    const spans: Span[] = [];
    let lastEnd = -1;
    for (const match of subject.matchAll(regex)) {
      const end = match.index + match[0].length;
      if (end === match.index && (end === lastEnd || isInsidePair(text, end))) continue;
      spans.push([match.index, end]);
      lastEnd = end;
    }
    return spans;
  };
}

/** The pieces of `text` when it is split at `matches`; with `invert`, what is between the matches is the delimiter. */
export function splitAt(text: string, matches: readonly Span[], options: SplitOptions): Span[] {
  const parts = coveringParts(text, matches, options.invert ?? false);
  if (options.behavior === "Removed") return parts.filter((part) => !part.isMatch).map(spanOf);
  return joinParts(parts, belongsToPrevious[options.behavior]);
}

export type SplitOptions = { readonly behavior: SplitBehavior; readonly invert?: boolean };

type Part = { readonly start: number; readonly end: number; readonly isMatch: boolean };

/** Whether a part is joined to the one before it. */
const belongsToPrevious = {
  Isolated: () => false,
  Contiguous: (previous: Part, part: Part) => previous.isMatch === part.isMatch,
  MergedWithPrevious: (previous: Part, part: Part) => part.isMatch && !previous.isMatch,
  MergedWithNext: (previous: Part, part: Part) => previous.isMatch && !part.isMatch,
} as const;

const spanOf = (part: Part): Span => [part.start, part.end];

/** Matches and what lies between them, in order, covering the whole text. */
function coveringParts(text: string, matches: readonly Span[], invert: boolean): Part[] {
  const parts: Part[] = [];
  let last = 0;
  for (const [start, end] of matches) {
    if (last !== start) parts.push({ start: last, end: start, isMatch: invert });
    parts.push({ start, end, isMatch: !invert });
    last = end;
  }
  if (last !== text.length) parts.push({ start: last, end: text.length, isMatch: invert });
  return parts;
}

/** Joins neighbours for which `belongs(previous part, part)`; the previous part is the one just before, not the joined one. */
function joinParts(parts: readonly Part[], belongs: (previous: Part, part: Part) => boolean): Span[] {
  const spans: [number, number][] = [];
  for (const [i, part] of parts.entries()) {
    if (i > 0 && belongs(parts[i - 1], part)) spans[spans.length - 1][1] = part.end;
    else spans.push([part.start, part.end]);
  }
  return spans;
}

function literal(text: string): RegExp {
  return new RegExp(text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"), "gu");
}

function translated(source: string, where: string): RegExp {
  try {
    const { pattern } = new SplitPreTokenizer({
      type: "Split",
      pattern: { Regex: translatableSource(source) },
      invert: true,
    });
    if (pattern !== null) return pattern;
  } catch (cause) {
    throw new TokenizerFileError(where, "a regular expression that JavaScript can run", {
      got: describe(source),
      cause,
    });
  }
  throw new TokenizerFileError(where, "a regular expression", { got: describe(source) });
}
