/** @file Of a pair, the tokens of which text look, and at which they look: as BertViz's sentence filter (Vig 2019). */
import type { AttentionToken } from "./attentionAnswer.ts";

/** `ab`: from the first text to the second. */
export const pairFilters = ["all", "ab", "ba", "aa", "bb"] as const;
export type PairFilter = (typeof pairFilters)[number];

export const pairFilterTitles: Readonly<Record<PairFilter, string>> = {
  all: "all tokens",
  ab: "text A → text B",
  ba: "text B → text A",
  aa: "text A → text A",
  bb: "text B → text B",
};

export const isPairFilter = (text: string | null): text is PairFilter => pairFilters.some((each) => each === text);

/** Places of tokens, `end` not among them. */
export type Span = { readonly start: number; readonly end: number };
export type Spans = { readonly looking: Span; readonly seen: Span };

/** Special tokens before the second text count to the first, those behind it to the second. Without a second text, all is all. */
export function spansOf(tokens: readonly Pick<AttentionToken, "input">[], filter: PairFilter): Spans {
  const all = { start: 0, end: tokens.length };
  const border = tokens.findIndex(({ input }) => input === 1);
  if (filter === "all" || border === -1) return { looking: all, seen: all };
  const texts = { a: { start: 0, end: border }, b: { start: border, end: tokens.length } };
  const [looking, seen] = filter.split("") as ["a" | "b", "a" | "b"];
  return { looking: texts[looking], seen: texts[seen] };
}

export const placesOf = ({ start, end }: Span): number[] =>
  Array.from({ length: end - start }, (_, index) => start + index);
