import { describe, expect, test } from "vitest";
import { DropoutMasks, maskSize, type MaskBatch, type MaskOptions } from "./dropoutMasks.ts";

const batchOf = (lengths: readonly number[], textIds = lengths.map((_, text) => text)) => ({
  lengths: Int32Array.from(lengths),
  textIds: Int32Array.from(textIds),
});

/** How to make masks of a seed, in memory that has been used before. */
function maskerOf(seed: number) {
  const masks = new DropoutMasks(seed);
  return (site: string, batch: MaskBatch, options: MaskOptions): Float32Array => {
    const into = new Float32Array(maskSize(options.shape, batch)).fill(Number.NaN);
    masks.fillAll([{ site, ...options, into }], batch);
    return into;
  };
}

describe("DropoutMasks.fillAll()", () => {
  test.each([0.1, 0.5, 0.02])("drops a share of %d, evenly, and scales the rest (5 standard errors)", (rate) => {
    const width = 400;
    const mask = maskerOf(7)("dropout.embeddings", batchOf([500, 500]), {
      rate,
      shape: { kind: "tokens", width },
    });
    const kept = Math.fround(1 / (1 - rate));
    const dropped = mask.filter((value) => value === 0).length;
    expect(mask.every((value) => value === 0 || value === kept)).toBe(true);
    const error = Math.sqrt((rate * (1 - rate)) / mask.length);
    expect(Math.abs(dropped / mask.length - rate)).toBeLessThan(5 * error);
    // Neighbours are independent: pairs of drops are as frequent as chance has it.
    const pairs = mask.filter((value, at) => value === 0 && mask[at + 1] === 0).length;
    expect(Math.abs(pairs / mask.length - rate ** 2)).toBeLessThan(5 * Math.sqrt(rate ** 2 / mask.length));
    for (const column of [0, 1, width - 1]) {
      const share =
        Array.from({ length: 1000 }, (_, row) => mask[row * width + column] === 0).filter(Boolean).length / 1000;
      expect(Math.abs(share - rate)).toBeLessThan(5 * Math.sqrt((rate * (1 - rate)) / 1000));
    }
  });

  test("a text has the same mask in any company", () => {
    const maskOf = maskerOf(7);
    const options = { rate: 0.3, shape: { kind: "tokens", width: 8 } } as const;
    const alone = maskOf("dropout.layer.0.output", batchOf([5], [42]), options);
    const together = maskOf("dropout.layer.0.output", batchOf([3, 5, 2], [1, 42, 9]), options);
    expect(together.subarray(3 * 8, 8 * 8)).toEqual(alone);
  });

  test("attention's weights of a text have the same mask whatever the padding", () => {
    const maskOf = maskerOf(7);
    const options = { rate: 0.3, shape: { kind: "attention", numHeads: 2 } } as const;
    const alone = maskOf("dropout.layer.0.attention_probs", batchOf([3], [42]), options);
    const padded = maskOf("dropout.layer.0.attention_probs", batchOf([5, 3], [1, 42]), options);
    for (let head = 0; head < 2; head++) {
      for (let query = 0; query < 3; query++) {
        const row = (1 * 2 + head) * 5 + query;
        expect(padded.subarray(row * 5, row * 5 + 3)).toEqual(
          alone.subarray((head * 3 + query) * 3, (head * 3 + query) * 3 + 3),
        );
      }
    }
  });

  test("seed, site and text each give another mask", () => {
    const options = { rate: 0.5, shape: { kind: "texts", width: 64 } } as const;
    const of = (seed: number, site: string, text: number) => maskerOf(seed)(site, batchOf([4], [text]), options).join();
    expect(new Set([of(1, "a", 1), of(2, "a", 1), of(1, "b", 1), of(1, "a", 2)]).size).toBe(4);
    expect(of(1, "a", 1)).toBe(of(1, "a", 1));
  });
});
