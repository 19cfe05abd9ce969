/** @file WordLevel: each piece is a token of the vocabulary or the unknown one. */
import { TokenizerFileError } from "../errors.ts";
import type { JsonFields } from "../jsonFields.ts";
import type { Model } from "./model.ts";
import type { TokenBuffer } from "./tokenBuffer.ts";
import { Vocabulary } from "./vocabulary.ts";

export class WordLevel implements Model {
  readonly surfaceId = undefined;
  readonly unkToken: string;
  readonly #vocabulary: Vocabulary;
  readonly #where: string;

  constructor(config: JsonFields) {
    this.#where = config.where;
    this.#vocabulary = Vocabulary.fromFields(config, "vocab");
    this.unkToken = config.string("unk_token", "<unk>");
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
    const id = this.#vocabulary.idOf(piece) ?? this.#vocabulary.idOf(this.unkToken);
    if (id === undefined) {
      throw new TokenizerFileError(this.#where, `unk_token ${JSON.stringify(this.unkToken)} to be in the vocabulary`);
    }
    output.push(id, 0, piece.length);
  }
}
