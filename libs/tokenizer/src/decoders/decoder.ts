/** @file What every decoder does. Implementations follow the one of the same name in Rust's tokenizers 0.23.3. */

/** A step from tokens towards text; the text is what the last step leaves, joined. */
export type Decoder = (tokens: readonly string[]) => readonly string[];
