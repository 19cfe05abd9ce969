/** @file The two ways to merge must agree with each other and with the definition. */
import { describe, expect, test } from "vitest";
import { mergeSymbols } from "./mergeSymbols.ts";
import { MergeTable } from "./mergeTable.ts";

/** Merges of random pairs of ids below 40 to a new id each. */
function randomMerges(random: () => number): MergeTable {
  const merges = new MergeTable(400);
  for (let rank = 0; rank < 400; rank++) {
    merges.set([Math.floor(random() * 40), Math.floor(random() * 40)], rank, rank % 40);
  }
  return merges;
}

/** A linear congruential generator (Numerical Recipes), for a fixed sequence. */
function generator(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

/** The definition: as long as there is one, the merge of lowest rank, leftmost, is done. */
function byDefinition(ids: readonly number[], merges: MergeTable): number[] {
  const result = [...ids];
  for (;;) {
    const ranks = result.slice(1).map((id, i) => merges.rankOf(result[i], id));
    const possible = ranks.filter((rank) => rank >= 0);
    if (possible.length === 0) return result;
    const lowest = Math.min(...possible);
    const at = ranks.indexOf(lowest);
    result.splice(at, 2, merges.resultOf(lowest));
  }
}

describe("mergeSymbols()", () => {
  test.each([5, 47, 48, 49, 300])("follows the definition on random words of %i symbols", (count) => {
    const random = generator(count);
    for (let round = 0; round < 20; round++) {
      const merges = new MergeTable(400);
      // Results are new ids, so that a pair cannot come back as another merge of the same result.
      for (let rank = 0; rank < 400; rank++) {
        merges.set([Math.floor(random() * 30), Math.floor(random() * (30 + rank))], rank, 30 + rank);
      }
      const ids = Array.from({ length: count }, () => Math.floor(random() * 30));
      const symbols = { ids: Int32Array.from(ids), byteLengths: new Int32Array(count).fill(1), count };
      mergeSymbols(symbols, merges);
      expect(Array.from(symbols.ids.subarray(0, symbols.count))).toEqual(byDefinition(ids, merges));
      expect(symbols.byteLengths.subarray(0, symbols.count).reduce((sum, length) => sum + length, 0)).toBe(count);
    }
  });

  test("merges a word of a million symbols within seconds", () => {
    const merges = randomMerges(generator(1));
    const count = 1_000_000;
    const random = generator(2);
    const ids = Int32Array.from({ length: count }, () => Math.floor(random() * 40));
    const start = performance.now();
    mergeSymbols({ ids, byteLengths: new Int32Array(count).fill(1), count }, merges);
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});
