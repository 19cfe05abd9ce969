/** @file What every model does: pieces of text to ids. Implementations follow the one of the same name in Rust's tokenizers 0.23.3. */
import type { TokenBuffer } from "./tokenBuffer.ts";

export interface Model {
  /** Appends the tokens of one piece (never empty, well formed); starts and ends are UTF-16 units of the piece. */
  tokenize(piece: string, output: TokenBuffer): void;
  tokenToId(token: string): number | undefined;
  idToToken(id: number): string | undefined;
  /** Number of distinct tokens. */
  readonly vocabSize: number;
  /** One more than the highest id. */
  readonly idLimit: number;
  /** Tokens of this id are shown as the piece of text that they stand for, not as their entry in the vocabulary. */
  readonly surfaceId: number | undefined;
  readonly unkToken: string | undefined;
}
