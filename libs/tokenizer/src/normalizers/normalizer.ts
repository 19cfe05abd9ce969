/** @file What every normalizer does. Implementations follow the normalizer of the same name in Rust's tokenizers 0.23.3. */
import type { NormalizedText } from "../normalizedText.ts";

export interface Normalizer {
  /** The normalized text with its alignment to the original. */
  normalize(text: NormalizedText): NormalizedText;
  /** The text of `normalize` alone, for the path that needs ids only. */
  normalizeString(text: string): string;
  readonly locality: Locality;
}

/**
 * Whether words can be normalized one by one, so that results can be cached and a long text need not be read to its end.
 *
 * `boundaries`: the result for `x + " " + y` is that for `x`, some white space, and that for `y`: for any x and y, only
 * when the characters beside the space are grapheme clusters of their own ("solitary"), or not ("none").
 * `trimsEdges`: white space at the ends of the whole text may be removed.
 */
export type Locality = { readonly boundaries: "any" | "solitary" | "none"; readonly trimsEdges: boolean };

export const wordLocal: Locality = { boundaries: "any", trimsEdges: false };
export const notLocal: Locality = { boundaries: "none", trimsEdges: false };
