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

/** The two multipliers in halves of 16 bits, and the two Weyl constants of the key schedule. */
const multiplier0 = { low: 0x1f53, high: 0xd251 };
const multiplier1 = { low: 0x8d57, high: 0xcd9e };
const weyl0 = 0x9e3779b9;
const weyl1 = 0xbb67ae85;
const numRounds = 10;

/**
 * Writes four random words to `out` from `at` on.
 *
 * @param counter - words as 32-bit integers, signed or not
 */
export function philox(
  key: RandomKey,
  counter: RandomCounter,
  { out, at = 0 }: { readonly out: Uint32Array; readonly at?: number },
): void {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < numRounds; round++) {
    const low0 = Math.imul(0xd2511f53, c0);
    const low1 = Math.imul(0xcd9e8d57, c2);
    const high0 = multiplyHigh(c0, multiplier0.low, multiplier0.high);
    const high1 = multiplyHigh(c2, multiplier1.low, multiplier1.high);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + weyl0) | 0;
    k1 = (k1 + weyl1) | 0;
  }
  out[at] = c0;
  out[at + 1] = c1;
  out[at + 2] = c2;
  out[at + 3] = c3;
}

/** The upper 32 bits of the product of `word` and a 32-bit number that is given in halves. */
function multiplyHigh(word: number, low: number, high: number): number {
  const wordLow = word & 0xffff;
  const wordHigh = word >>> 16;
  const mixed0 = Math.imul(high, wordLow) >>> 0;
  const mixed1 = Math.imul(low, wordHigh) >>> 0;
  const middle = (mixed0 & 0xffff) + (mixed1 & 0xffff) + (Math.imul(low, wordLow) >>> 16);
  return (Math.imul(high, wordHigh) + (mixed0 >>> 16) + (mixed1 >>> 16) + (middle >>> 16)) | 0;
}
