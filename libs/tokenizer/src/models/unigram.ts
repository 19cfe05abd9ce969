/**
 * @file Unigram (sentencepiece): the segmentation with the highest sum of scores, by dynamic programming over positions.
 *
 * A character that no token covers costs the lowest score of the vocabulary minus 10; neighbouring unknown characters are
 * one token. With byte fallback, a piece that is not in the vocabulary becomes the tokens of its bytes, if all exist.
 * Sums are taken in float64 and in the order in which Rust takes them, so ties fall alike.
 */
import { TokenizerFileError, describe } from "../errors.ts";
import { asArray, type JsonFields } from "../jsonFields.ts";
import { unitsAt } from "../unicode/characters.ts";
import { byteTokenIds } from "./byteTokens.ts";
import type { Model } from "./model.ts";
import type { TokenBuffer } from "./tokenBuffer.ts";
import { Trie } from "./trie.ts";

const unknownPenalty = 10;
const encoder = new TextEncoder();
/** The working arrays of a piece longer than this are given up after it. */
const keptPathLength = 65_536;

export class Unigram implements Model {
  readonly unkToken: string | undefined;
  readonly surfaceId: number | undefined;
  readonly #tokens: readonly string[];
  readonly #scores: Float64Array;
  readonly #ids = new Map<string, number>();
  readonly #trie: Trie;
  readonly #unkId: number | undefined;
  readonly #unkScore: number;
  readonly #byteIds: readonly (number | undefined)[] | undefined;
  readonly #where: string;
  #path = new BestPath();

  constructor(config: JsonFields) {
    this.#where = config.where;
    const { tokens, scores } = readPieces(config);
    this.#tokens = tokens;
    this.#scores = scores;
    this.#trie = new Trie(tokens.length * 3);
    for (const [id, token] of tokens.entries()) {
      this.#ids.set(token, id);
      this.#trie.insert(token, id);
    }
    this.#unkScore = scores.reduce((lowest, score) => Math.min(lowest, score), Infinity) - unknownPenalty;
    this.#unkId = config.has("unk_id") ? config.count("unk_id") : undefined;
    if (this.#unkId !== undefined && this.#unkId >= tokens.length) {
      throw new TokenizerFileError(config.path("unk_id"), `an id below ${tokens.length}`, { got: String(this.#unkId) });
    }
    this.surfaceId = this.#unkId;
    this.unkToken = this.#unkId === undefined ? undefined : tokens[this.#unkId];
    if (config.boolean("byte_fallback", false)) this.#byteIds = byteTokenIds((token) => this.#ids.get(token));
  }

  get vocabSize(): number {
    return this.#tokens.length;
  }

  get idLimit(): number {
    return this.#tokens.length;
  }

  tokenToId(token: string): number | undefined {
    return this.#ids.get(token);
  }

  idToToken(id: number): string | undefined {
    return this.#tokens[id];
  }

  tokenize(piece: string, output: TokenBuffer): void {
    this.#fillPath(piece);
    const cuts = this.#path.cuts(piece.length, this.#unkId);
    for (let i = cuts.length - 1; i > 0; i--) this.#pushPiece(piece, [cuts[i], cuts[i - 1]], output);
    if (piece.length > keptPathLength) this.#path = new BestPath();
  }

  /** Best scores for every position of `piece`, from left to right. */
  #fillPath(piece: string): void {
    const path = this.#path;
    const trie = this.#trie;
    path.reset(piece.length);
    for (let start = 0; start < piece.length;) {
      const charEnd = start + unitsAt(piece, start);
      const scoreSoFar = path.scores[start];
      let isCovered = false;
      let node = trie.root;
      for (let i = start; i < piece.length; i++) {
        node = trie.step(node, piece.charCodeAt(i));
        if (node < 0) break;
        const id = trie.valueAt(node);
        if (id < 0) continue;
        path.offer({ start, end: i + 1 }, id, this.#scores[id] + scoreSoFar);
        if (i + 1 === charEnd) isCovered = true;
      }
      if (!isCovered) path.offer({ start, end: charEnd }, this.#requireUnk(), this.#unkScore + scoreSoFar);
      start = charEnd;
    }
  }

  #pushPiece(piece: string, [start, end]: readonly [number, number], output: TokenBuffer): void {
    const text = piece.slice(start, end);
    const id = this.#ids.get(text);
    if (id !== undefined) return output.push(id, start, end);
    const byteIds = this.#byteIds && Array.from(encoder.encode(text), (byte) => this.#byteIds![byte]);
    if (byteIds !== undefined && !byteIds.includes(undefined)) {
      for (const byteId of byteIds) output.push(byteId!, start, end);
    } else {
      output.push(this.#requireUnk(), start, end);
    }
  }

  #requireUnk(): number {
    if (this.#unkId !== undefined) return this.#unkId;
    throw new TokenizerFileError(this.#where, "unk_id, because the text has a character that no token covers");
  }
}

/** For each position, the best way to reach it: score, start and id of the last token. Reused from piece to piece. */
class BestPath {
  scores = new Float64Array(64);
  #starts = new Int32Array(64);
  #ids = new Int32Array(64);

  reset(length: number): void {
    if (length + 1 > this.scores.length) {
      this.scores = new Float64Array((length + 1) * 2);
      this.#starts = new Int32Array((length + 1) * 2);
      this.#ids = new Int32Array((length + 1) * 2);
    }
    this.scores[0] = 0;
    this.#starts.fill(-1, 0, length + 1);
  }

  offer({ start, end }: { readonly start: number; readonly end: number }, id: number, score: number): void {
    if (this.#starts[end] >= 0 && !(score > this.scores[end])) return;
    this.scores[end] = score;
    this.#starts[end] = start;
    this.#ids[end] = id;
  }

  /** Ends of the pieces from last to first, then 0; runs of the unknown token are one piece. */
  cuts(length: number, unkId: number | undefined): number[] {
    const cuts = [length];
    let nextIsUnknown = false;
    for (let end = length; end > 0; end = this.#starts[end]) {
      const isUnknown = this.#ids[end] === unkId;
      if (end !== length && !(isUnknown && nextIsUnknown)) cuts.push(end);
      nextIsUnknown = isUnknown;
    }
    cuts.push(0);
    return cuts;
  }
}

function readPieces(config: JsonFields): { readonly tokens: string[]; readonly scores: Float64Array } {
  const entries = config.array("vocab");
  const scores = new Float64Array(entries.length);
  const tokens = entries.map((entry, i) => {
    const [token, score] = asArray(entry, `${config.path("vocab")}[${i}]`);
    if (typeof token !== "string" || typeof score !== "number") {
      const got = `${describe(token)}, ${describe(score)}`;
      throw new TokenizerFileError(`${config.path("vocab")}[${i}]`, "a token and its score", { got });
    }
    scores[i] = score;
    return token;
  });
  return { tokens, scores };
}
