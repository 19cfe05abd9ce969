/**
 * @file Dropout masks for the places of a traced model: 0 where a value is dropped, 1 / (1 - rate) elsewhere.
 *
 * Keyed by seed, text and site, so that a text is dropped alike on every engine, in any company, and however the model is
 * split. Instead of a draw per value, the gaps between dropped values are drawn (they are geometrically distributed): a
 * tenth of the random numbers at a rate of 0.1.
 *
 * Dimensions: T packed tokens, B texts, L longest text, D hidden size, N heads.
 */
import { philox, type RandomKey } from "../random/philox.ts";
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

export class DropoutMasks {
  readonly #seed: number;
  readonly #keys = new Map<string, RandomKey>();
  readonly #gaps = new Map<number, GapTable>();

  constructor(seed: number) {
    this.#seed = seed;
  }

  /**
   * @param site - the graph's input, such as `dropout.layer.3.output`
   * @param rate - probability of a drop, above 0 and below 1
   */
  mask(
    site: string,
    batch: MaskBatch,
    { rate, shape }: { readonly rate: number; readonly shape: MaskShape },
  ): Float32Array {
    const key = this.#keyOf(site);
    const gaps = this.#gapsOf(rate);
    const longest = batch.lengths.reduce((a, b) => Math.max(a, b), 0);
    const mask = new Float32Array(sizeOf(shape, batch, longest)).fill(1 / (1 - rate));
    let row = 0;
    batch.lengths.forEach((length, text) => {
      const drops = new Drops(key, batch.textIds[text]!, gaps);
      if (shape.kind === "attention") {
        const start = text * shape.numHeads * longest * longest;
        dropAttention(mask, drops, { start, numHeads: shape.numHeads, length, longest });
      } else {
        const rows = shape.kind === "tokens" ? length : 1;
        const [start, size] = [row * shape.width, rows * shape.width];
        for (let at = drops.next(); at < size; at += 1 + drops.next()) mask[start + at] = 0;
        row += rows;
      }
    });
    return mask;
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

function sizeOf(shape: MaskShape, { lengths }: MaskBatch, longest: number): number {
  if (shape.kind === "attention") return lengths.length * shape.numHeads * longest * longest;
  return shape.width * (shape.kind === "tokens" ? lengths.reduce((a, b) => a + b, 0) : lengths.length);
}

type AttentionPart = {
  readonly start: number;
  readonly numHeads: number;
  readonly length: number;
  readonly longest: number;
};

/** Only the places of real tokens are drawn for, in the order head, query, key, so that padding changes nothing. */
function dropAttention(mask: Float32Array, drops: Drops, { start, numHeads, length, longest }: AttentionPart): void {
  const size = numHeads * length * length;
  for (let at = drops.next(); at < size; at += 1 + drops.next()) {
    const row = Math.floor(at / length);
    const head = Math.floor(row / length);
    const query = row - head * length;
    mask[start + (head * longest + query) * longest + (at - row * length)] = 0;
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

/** Gaps of one text at one site, one after another. */
class Drops {
  readonly #key: RandomKey;
  readonly #text: number;
  readonly #gaps: GapTable;
  readonly #words = new Uint32Array(4);
  #block = 0;
  #used = 4;

  constructor(key: RandomKey, text: number, gaps: GapTable) {
    this.#key = key;
    this.#text = text;
    this.#gaps = gaps;
  }

  /** Values that are kept before the next one that is dropped. */
  next(): number {
    if (this.#used === 4) {
      philox(this.#key, [this.#block++, this.#text, 0, 0], { out: this.#words });
      this.#used = 0;
    }
    return this.#gaps.of(this.#words[this.#used++]!);
  }
}
