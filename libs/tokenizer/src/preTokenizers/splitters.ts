/**
 * @file The pre-tokenizers that only cut: BertPreTokenizer, CharDelimiterSplit, Digits, FixedLength, Punctuation, Split,
 * Whitespace, WhitespaceSplit.
 */
import type { JsonFields } from "../jsonFields.ts";
import type { Span } from "../normalizedText.ts";
import { patternMatcher, regexMatcher, splitAt, splitBehaviors } from "../pattern.ts";
import { isWhitespaceUnit, unitsAt } from "../unicode/characters.ts";
import { punctuation, wordCharacter } from "../unicode/pinnedClasses.ts";
import { CuttingPreTokenizer } from "./preTokenizer.ts";

const punctuationMarks = allMatches(new RegExp(punctuation, "gv"));
const bertPieces = allMatches(new RegExp(`${punctuation}|[^${punctuation}\\p{White_Space}]+`, "gv"));
const words = regexMatcher(new RegExp(`${wordCharacter}+|[^${wordCharacter}\\p{White_Space}]+`, "gv"));
const numeric = allMatches(/\p{N}/gu);

/** Words without white space; each punctuation mark is a piece. */
export const bertPreTokenizer = () => new CuttingPreTokenizer(bertPieces, "drops");

/** Runs of word characters and runs of what is neither those nor white space (`\w+|[^\w\s]+`). */
export const whitespace = () => new CuttingPreTokenizer(words, "drops");

/** What lies between white space. */
export const whitespaceSplit = () => new CuttingPreTokenizer(betweenWhitespace, "drops");

/** Cut at one character, which is dropped. */
export function charDelimiterSplit(config: JsonFields): CuttingPreTokenizer {
  const delimiter = config.string("delimiter");
  const matches = (text: string) => occurrences(text, delimiter);
  return new CuttingPreTokenizer((text) => splitAt(text, matches(text), { behavior: "Removed" }));
}

/** Numbers (`\p{N}`) apart from the rest: digit by digit, or in runs. */
export function digits(config: JsonFields): CuttingPreTokenizer {
  const behavior = config.boolean("individual_digits", false) ? "Isolated" : "Contiguous";
  return new CuttingPreTokenizer((text) => splitAt(text, numeric(text), { behavior }));
}

/** Pieces of a number of code points. */
export function fixedLength(config: JsonFields): CuttingPreTokenizer {
  const length = Math.max(1, config.count("length", 5));
  return new CuttingPreTokenizer((text) => cutEvery(text, length));
}

/** Cut at punctuation marks. */
export function punctuationSplit(config: JsonFields): CuttingPreTokenizer {
  const behavior = config.choice("behavior", splitBehaviors, "Isolated");
  return new CuttingPreTokenizer((text) => splitAt(text, punctuationMarks(text), { behavior }));
}

/** Cut at the matches of a pattern, or, with `invert`, at what lies between them. */
export function split(config: JsonFields): CuttingPreTokenizer {
  const matches = patternMatcher(config, "pattern");
  const options = { behavior: config.choice("behavior", splitBehaviors), invert: config.boolean("invert", false) };
  return new CuttingPreTokenizer((text) => splitAt(text, matches(text), options));
}

/** Matches of an expression whose matches are never empty, on the text as this engine's Unicode sees it. */
function allMatches(regex: RegExp): (text: string) => Span[] {
  return (text) => Array.from(text.matchAll(regex), ({ index, 0: match }) => [index, index + match.length] as const);
}

function betweenWhitespace(text: string): Span[] {
  const spans: Span[] = [];
  let start = 0;
  for (let i = 0; i <= text.length; i++) {
    if (i < text.length && !isWhitespaceUnit(text.charCodeAt(i))) continue;
    if (start < i) spans.push([start, i]);
    start = i + 1;
  }
  return spans;
}

function occurrences(text: string, part: string): Span[] {
  const spans: Span[] = [];
  for (let i = text.indexOf(part); i >= 0; i = text.indexOf(part, i + part.length)) spans.push([i, i + part.length]);
  return spans;
}

function cutEvery(text: string, length: number): Span[] {
  const spans: Span[] = [];
  for (let start = 0; start < text.length;) {
    let end = start;
    for (let i = 0; i < length && end < text.length; i++) end += unitsAt(text, end);
    spans.push([start, end]);
    start = end;
  }
  return spans;
}
