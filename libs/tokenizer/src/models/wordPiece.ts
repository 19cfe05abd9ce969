/**
 * @file WordPiece: the longest token that starts the word, then the longest that continues it, and so on; a word that
 * cannot be covered is one unknown token.
 */
import { TokenizerFileError } from "../errors.ts";
import type { JsonFields } from "../jsonFields.ts";
import { countCodePoints } from "../unicode/characters.ts";
import type { Model } from "./model.ts";
import type { TokenBuffer } from "./tokenBuffer.ts";
import { Trie } from "./trie.ts";
import { Vocabulary } from "./vocabulary.ts";

export class WordPiece implements Model {
  readonly surfaceId = undefined;
  readonly unkToken: string;
  readonly #vocabulary: Vocabulary;
  readonly #unkId: number | undefined;
  readonly #maxWordChars: number;
  readonly #where: string;
  /** Tokens as they are, and tokens that continue a word without their prefix. */
  readonly #initial: Trie;
  readonly #continuing: Trie;

  constructor(config: JsonFields) {
    this.#where = config.where;
    this.#vocabulary = Vocabulary.fromFields(config, "vocab");
    this.unkToken = config.string("unk_token", "[UNK]");
    this.#unkId = this.#vocabulary.idOf(this.unkToken);
    this.#maxWordChars = config.count("max_input_chars_per_word", 100);
    const prefix = config.string("continuing_subword_prefix", "##");
    this.#initial = new Trie(this.#vocabulary.size * 3);
    this.#continuing = new Trie(this.#vocabulary.size);
    for (const [token, id] of this.#vocabulary.entries()) {
      if (token !== "") this.#initial.insert(token, id);
      if (token.startsWith(prefix) && token.length > prefix.length)
        this.#continuing.insert(token.slice(prefix.length), id);
    }
  }

  get vocabSize(): number {
    return this.#vocabulary.size;
  }

  get idLimit(): number {
    return this.#vocabulary.idLimit;
  }

  tokenToId(token: string): number | undefined {
    return this.#vocabulary.idOf(token);
  }

  idToToken(id: number): string | undefined {
    return this.#vocabulary.tokenOf(id);
  }

  tokenize(piece: string, output: TokenBuffer): void {
    const before = output.length;
    let start = 0;
    if (!this.#isTooLong(piece)) {
      while (start < piece.length) {
        const end = this.#longestMatch(piece, start, output);
        if (end < 0) break;
        start = end;
      }
    }
    if (start === piece.length) return;
    output.length = before;
    output.push(this.#requireUnk(), 0, piece.length);
  }

  #isTooLong(piece: string): boolean {
    return piece.length > this.#maxWordChars && countCodePoints(piece, this.#maxWordChars) > this.#maxWordChars;
  }

  /** Appends the longest token that matches at `start` and returns its end, or -1. */
  #longestMatch(piece: string, start: number, output: TokenBuffer): number {
    const trie = start === 0 ? this.#initial : this.#continuing;
    let node = trie.root;
    let id = -1;
    let end = -1;
    for (let i = start; i < piece.length; i++) {
      node = trie.step(node, piece.charCodeAt(i));
      if (node < 0) break;
      const value = trie.valueAt(node);
      if (value >= 0) {
        id = value;
        end = i + 1;
      }
    }
    if (end >= 0) output.push(id, start, end);
    return end;
  }

  #requireUnk(): number {
    if (this.#unkId !== undefined) return this.#unkId;
    throw new TokenizerFileError(this.#where, `unk_token ${JSON.stringify(this.unkToken)} to be in the vocabulary`);
  }
}
