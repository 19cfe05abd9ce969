/** @file Numbers of matrices as people read them: names of tokens, and what a token looks at most. */
import type { AttentionToken } from "./attentionAnswer.ts";
import { placesOf, type Span } from "./pairFilter.ts";

/** A piece of the text as it is written there; `##` before one that goes on with a word, as WordPiece marks it. */
export function labelOf({ token, text, special }: Pick<AttentionToken, "token" | "text" | "special">): string {
  if (special) return token;
  const piece = text.trim();
  if (piece === "") return token;
  return token.startsWith("##") ? `##${piece}` : piece;
}

export const weightText = (weight: number): string => weight.toFixed(4);

/** Mean over matrices of one cell: the value itself where there is one. */
export function meanAt(matrices: readonly Float32Array[], cell: number): number {
  return matrices.reduce((sum, matrix) => sum + matrix[cell]!, 0) / matrices.length;
}

export type Seen = { readonly place: number; readonly weight: number };

/** The tokens that one looks at most, the first of equals first. */
export function mostSeen(
  matrix: Float32Array,
  {
    place,
    length,
    seen,
    count,
  }: { readonly place: number; readonly length: number; readonly seen: Span; readonly count: number },
): Seen[] {
  return placesOf(seen)
    .map((other) => ({ place: other, weight: matrix[place * length + other]! }))
    .toSorted((a, b) => b.weight - a.weight)
    .slice(0, count);
}
