/**
 * @file What surrounds the tokens of a text, or of two: a template of special tokens and sequences, and the trimming of
 * offsets. All post-processors come down to these (see createPostProcessor.ts).
 */

/** A sequence (0: the text, 1: its pair), or tokens that are put there. */
export type TemplatePiece =
  { readonly sequence: 0 | 1; readonly typeId: number } | { readonly special: SpecialPiece; readonly typeId: number };

export type SpecialPiece = { readonly ids: readonly number[]; readonly tokens: readonly string[] };

/**
 * Offsets without the spaces that byte-level tokens carry at their ends.
 *
 * `keepsAddedSpace`: a space that the pre-tokenizer put before the first token is not in the text, so it is not trimmed.
 * `firstIndex`: number that the first token of each sequence has (special tokens before it may be counted).
 */
export type OffsetTrim = { readonly keepsAddedSpace: boolean; readonly firstIndex: readonly [number, number] };

export type PostProcessor = {
  readonly single: readonly TemplatePiece[];
  readonly pair: readonly TemplatePiece[];
  readonly trims: readonly OffsetTrim[];
  /** Type ids of a sequence that overflowed: those of the template, or its number (as Rust has it for some). */
  readonly overflowTypeIds: "zero" | "sequence";
};

/** Number of special tokens that the template for one text, or for two, adds. */
export function numAddedTokens(pieces: readonly TemplatePiece[]): number {
  return pieces.reduce((sum, piece) => sum + ("special" in piece ? piece.special.ids.length : 0), 0);
}
