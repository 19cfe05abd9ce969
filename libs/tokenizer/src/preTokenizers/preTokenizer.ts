/** @file What every pre-tokenizer does. Implementations follow the one of the same name in Rust's tokenizers 0.23.3. */
import type { NormalizedText, Span } from "../normalizedText.ts";

export interface PreTokenizer {
  /** Splits each piece further; no piece of the result is empty. */
  preTokenize(pieces: readonly NormalizedText[]): NormalizedText[];
  /** The texts of `preTokenize` alone, for the path that needs ids only. */
  preTokenizeStrings(pieces: readonly string[]): string[];
  readonly whitespace: WhitespaceRole;
  /** Whether the result depends on where a piece lies in the original text. */
  readonly needsOffsets: boolean;
}

/**
 * What white space does to the pieces, so that words can be treated one by one:
 * "drops": all of it separates pieces and is removed; "leads": a run of it that begins with a space begins a piece,
 * whatever comes before it; "other": nothing is promised.
 */
export type WhitespaceRole = "drops" | "leads" | "other";

/** A pre-tokenizer that only cuts: it keeps some spans of each piece. */
export class CuttingPreTokenizer implements PreTokenizer {
  readonly whitespace: WhitespaceRole;
  readonly needsOffsets = false;
  readonly #cut: (text: string) => Span[];

  constructor(cut: (text: string) => Span[], whitespace: WhitespaceRole = "other") {
    this.#cut = cut;
    this.whitespace = whitespace;
  }

  preTokenize(pieces: readonly NormalizedText[]): NormalizedText[] {
    return pieces.flatMap((piece) => piece.slices(this.#cut(piece.text)));
  }

  preTokenizeStrings(pieces: readonly string[]): string[] {
    return pieces.flatMap((piece) => slicesOf(piece, this.#cut(piece)));
  }
}

/** The given spans of a string; empty ones are left out. */
export function slicesOf(text: string, spans: readonly Span[]): string[] {
  const pieces: string[] = [];
  for (const [start, end] of spans) if (start < end) pieces.push(text.slice(start, end));
  return pieces;
}
