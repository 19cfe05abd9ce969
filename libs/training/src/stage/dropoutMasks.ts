/**
 * @file Dropout masks for the places of a traced model: 0 where a value is dropped, 1 / (1 - rate) elsewhere.
 *
 * Keyed by seed, text and site, so that a text is dropped alike on every engine, in any company, and however the model is
 * split. Instead of a draw per value, the gaps between dropped values are drawn (they are geometrically distributed): a
 * tenth of the random numbers at a rate of 0.1.
 *
 * Dimensions: T packed tokens, B texts, L longest text, D hidden size, N heads.
 */
import { philoxBlocks, type RandomKey } from "../random/philox.ts";
import { randomKey } from "../random/randomKey.ts";

export type MaskBatch = {
  /** `[B]` tokens of each text */
  readonly lengths: Int32Array;
  /** `[B]` number of each text in the run */
  readonly textIds: Int32Array;
};

/** What a site's mask covers: `[T, D]`, `[B, D]` or `[B, N, L, L]`. */
export type MaskShape =
  | { readonly kind: "tokens"; readonly width: number }
  | { readonly kind: "texts"; readonly width: number }
  | { readonly kind: "attention"; readonly numHeads: number };

export type MaskOptions = {
  /** Probability of a drop, above 0 and below 1. */
  readonly rate: number;
  readonly shape: MaskShape;
};

export type MaskRequest = MaskOptions & {
  /** Name of the graph's input, such as `dropout.layer.3.output`. */
  readonly site: string;
  /** Memory of `maskSize` values; whatever was there is overwritten. */
  readonly into: Float32Array;
};

export class DropoutMasks {
  readonly #seed: number;
  readonly #keys = new Map<string, RandomKey>();
  readonly #gaps = new Map<number, GapTable>();

  constructor(seed: number) {
    this.#seed = seed;
  }

  fillAll(requests: readonly MaskRequest[], batch: MaskBatch): void {
    for (const request of requests) this.#fill(request, batch);
  }

  #fill({ site, rate, shape, into }: MaskRequest, batch: MaskBatch): void {
    const key = this.#keyOf(site);
    const gaps = this.#gapsOf(rate);
    const longest = longestOf(batch);
    const kept = 1 / (1 - rate);
    let start = 0;
    batch.lengths.forEach((length, text) => {
      const drops = new Drops(key, batch.textIds[text]!, gaps);
      const size = shape.kind === "attention" ? shape.numHeads * longest ** 2 : rowsOf(shape, length) * shape.width;
      // Text by text, so that what is filled is still in the cache when places of it are dropped.
      const part = into.subarray(start, start + size).fill(kept);
      if (shape.kind === "attention") dropAttention(part, drops, { numHeads: shape.numHeads, length, longest });
      else for (let at = drops.next(); at < size; at += 1 + drops.next()) part[at] = 0;
      start += size;
    });
  }

  #keyOf(site: string): RandomKey {
    const key = this.#keys.get(site) ?? randomKey(this.#seed, site);
    this.#keys.set(site, key);
    return key;
  }

  #gapsOf(rate: number): GapTable {
    const gaps = this.#gaps.get(rate) ?? new GapTable(rate);
    this.#gaps.set(rate, gaps);
    return gaps;
  }
}

/** Values of a mask. */
export function maskSize(shape: MaskShape, batch: MaskBatch): number {
  const { lengths } = batch;
  if (shape.kind === "attention") return lengths.length * shape.numHeads * longestOf(batch) ** 2;
  return lengths.reduce((sum, length) => sum + rowsOf(shape, length) * shape.width, 0);
}

const longestOf = ({ lengths }: MaskBatch): number => lengths.reduce((a, b) => Math.max(a, b), 0);

const rowsOf = ({ kind }: MaskShape, length: number): number => (kind === "tokens" ? length : 1);

type AttentionPart = { readonly numHeads: number; readonly length: number; readonly longest: number };

/** Only the places of real tokens are drawn for, in the order head, query, key, so that padding changes nothing. */
function dropAttention(part: Float32Array, drops: Drops, { numHeads, length, longest }: AttentionPart): void {
  let key = drops.next();
  for (let head = 0; head < numHeads; head++) {
    for (let query = 0; query < length; query++) {
      const row = (head * longest + query) * longest;
      for (; key < length; key += 1 + drops.next()) part[row + key] = 0;
      key -= length;
    }
  }
}

const TABLE_BITS = 16;

/** `floor(log(u) / log(1 - rate))` for u of 32 bits, looked up by its upper half where the lower half changes nothing. */
class GapTable {
  readonly #byUpper = new Uint16Array(2 ** TABLE_BITS);
  readonly #scale: number;

  constructor(rate: number) {
    this.#scale = 1 / Math.log1p(-rate);
    for (let upper = 0; upper < 2 ** TABLE_BITS; upper++) {
      const first = this.#exact(upper * 2 ** TABLE_BITS);
      const last = this.#exact((upper + 1) * 2 ** TABLE_BITS - 1);
      this.#byUpper[upper] = first === last && first < UNKNOWN ? first : UNKNOWN;
    }
  }

  of(word: number): number {
    const known = this.#byUpper[word >>> TABLE_BITS]!;
    return known === UNKNOWN ? this.#exact(word) : known;
  }

  #exact(word: number): number {
    return Math.floor(Math.log((word + 1) / 2 ** 32) * this.#scale);
  }
}

const UNKNOWN = 0xffff;

/** Blocks of random numbers that are drawn at once. */
const DRAWN_BLOCKS = 32;

/** Gaps of one text at one site, one after another. */
class Drops {
  readonly #key: RandomKey;
  readonly #text: number;
  readonly #gaps: GapTable;
  readonly #words = new Uint32Array(4 * DRAWN_BLOCKS);
  #block = 0;
  #used = 4 * DRAWN_BLOCKS;

  constructor(key: RandomKey, text: number, gaps: GapTable) {
    this.#key = key;
    this.#text = text;
    this.#gaps = gaps;
  }

  /** Values that are kept before the next one that is dropped. */
  next(): number {
    if (this.#used === this.#words.length) {
      philoxBlocks(this.#key, [this.#block, this.#text, 0, 0], this.#words);
      this.#block += DRAWN_BLOCKS;
      this.#used = 0;
    }
    return this.#gaps.of(this.#words[this.#used++]!);
  }
}
