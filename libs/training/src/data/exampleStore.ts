/**
 * @file Encoded examples, compactly: four bytes a token in pieces of a few megabytes that may lie in memory or on disk, and
 * eight bytes an example in memory.
 */
import { GrowingInt32 } from "./growingArray.ts";

/** An example as a model reads it. */
export type StoredExample = {
  /** Token ids, special ones included. */
  readonly ids: Int32Array;
  /** Tokens before the second segment: those have token type 0, the rest 1. */
  readonly firstSegment: number;
  /** What is to be learned; its meaning is the task's. */
  readonly target: Int32Array;
};

/** Where the pieces are kept. Both methods end before they return. */
export type PieceStorage = {
  /** Keeps a copy of a full piece; pieces come in order of their number. */
  write(piece: number, words: Int32Array): void;
  read(piece: number, start: number, end: number): Int32Array;
  close(): void;
};

/** Words of a piece: 4 MiB. */
export const pieceWords = 1 << 20;
/** Words before an example's ids: their number, the first segment's, those of the target. */
const headerWords = 3;
/** Examples start at multiples of so many words: then 32 bits count 64 GiB. */
const alignment = 4;
/** Ids and target of an example have at most so many entries together. */
export const maxExampleWords = pieceWords - headerWords;

export class ExampleStore {
  readonly #storage: PieceStorage;
  readonly #lengths = new GrowingInt32();
  /** Of each example, in units of `alignment`, over all pieces. */
  readonly #starts = new GrowingInt32();
  #piece = new Int32Array(pieceWords);
  #used = 0;
  #numWritten = 0;
  #numTokens = 0;
  #longest = 0;

  constructor(storage: PieceStorage = memoryPieces()) {
    this.#storage = storage;
  }

  get size(): number {
    return this.#lengths.length;
  }

  get numTokens(): number {
    return this.#numTokens;
  }

  /** Tokens of the longest example. */
  get longest(): number {
    return this.#longest;
  }

  /** Tokens of each example; a copy. */
  get lengths(): Int32Array {
    return this.#lengths.toArray();
  }

  /** Tokens of an example. */
  lengthOf(index: number): number {
    return this.#lengths.at(index);
  }

  /** @returns its number, from 0 */
  add({ ids, firstSegment, target }: StoredExample): number {
    const numWords = headerWords + ids.length + target.length;
    if (numWords > pieceWords) throw new Error(`internal: an example of ${numWords} words in pieces of ${pieceWords}`);
    if (this.#used + numWords > pieceWords) {
      this.#storage.write(this.#numWritten++, this.#piece);
      this.#used = 0;
    }
    const at = this.#used;
    this.#piece[at] = ids.length;
    this.#piece[at + 1] = firstSegment;
    this.#piece[at + 2] = target.length;
    this.#piece.set(ids, at + headerWords);
    this.#piece.set(target, at + headerWords + ids.length);
    this.#used += Math.ceil(numWords / alignment) * alignment;
    this.#lengths.push(ids.length);
    this.#starts.push((this.#numWritten * pieceWords + at) / alignment);
    this.#numTokens += ids.length;
    this.#longest = Math.max(this.#longest, ids.length);
    return this.size - 1;
  }

  get(index: number): StoredExample {
    if (!(index >= 0 && index < this.size)) throw new RangeError(`example ${index}: there are ${this.size}`);
    const place = (this.#starts.at(index) >>> 0) * alignment;
    const piece = Math.floor(place / pieceWords);
    const start = place % pieceWords;
    const [numIds = 0, firstSegment = 0, numTarget = 0] = this.#read(piece, start, start + headerWords);
    const words = this.#read(piece, start + headerWords, start + headerWords + numIds + numTarget);
    return { ids: words.subarray(0, numIds), firstSegment, target: words.subarray(numIds) };
  }

  close(): void {
    this.#storage.close();
  }

  #read(piece: number, start: number, end: number): Int32Array {
    return piece === this.#numWritten ? this.#piece.subarray(start, end) : this.#storage.read(piece, start, end);
  }
}

/** Pieces in memory. */
export function memoryPieces(): PieceStorage {
  const pieces: Int32Array[] = [];
  return {
    write: (piece, words) => {
      pieces[piece] = words.slice();
    },
    read: (piece, start, end) => pieces[piece]!.subarray(start, end),
    close: () => {
      pieces.length = 0;
    },
  };
}
