import { describe, expect, test } from "vitest";
import { philox, philoxBlocks, type RandomCounter, type RandomKey } from "./philox.ts";
import { randomKey } from "./randomKey.ts";
import { RandomSequence } from "./randomSequence.ts";

/** Known answers from Random123 1.14, tests/kat_vectors, "philox4x32 10". */
const knownAnswers: readonly { counter: RandomCounter; key: RandomKey; words: readonly number[] }[] = [
  { counter: [0, 0, 0, 0], key: [0, 0], words: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
  {
    counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    key: [0xffffffff, 0xffffffff],
    words: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    words: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
];

describe("philox()", () => {
  test.each(knownAnswers)("gives the published words for counter $counter", ({ counter, key, words }) => {
    const out = new Uint32Array(4);
    philox(key, counter, { out });
    expect(Array.from(out)).toEqual(words);
  });
});

describe("philoxBlocks()", () => {
  test("gives the words of one counter after another", () => {
    const [, { counter, key } = expect.fail("no known answer")] = knownAnswers.slice(1);
    const [first, ...others] = counter;
    const words = new Uint32Array(4);
    const expected = [0, 1, 2].flatMap((block) => {
      philox(key, [first + block, ...others], { out: words });
      return Array.from(words);
    });
    const out = new Uint32Array(12);
    philoxBlocks(key, counter, out);
    expect(Array.from(out)).toEqual(expected);
  });
});

describe("randomKey()", () => {
  test("differs between streams and between seeds, also in the upper bits of the seed", () => {
    const keys = [randomKey(1, "mask"), randomKey(1, "order"), randomKey(2, "mask"), randomKey(1 + 2 ** 40, "mask")];
    expect(new Set(keys.map((key) => key.join())).size).toBe(4);
  });

  test.each([-1, 0.5, Number.NaN, 2 ** 53])("refuses the seed %s", (seed) => {
    expect(() => randomKey(seed, "mask")).toThrow(/expected a seed from 0 to 9007199254740991/);
  });
});

describe("RandomSequence", () => {
  const sequence = () => RandomSequence.of(7, "test", [3]);

  test("gives the same numbers again for the same place, others for another place", () => {
    const draw = (random: RandomSequence) => Array.from({ length: 9 }, () => random.word());
    expect(draw(sequence())).toEqual(draw(sequence()));
    expect(draw(sequence())).not.toEqual(draw(RandomSequence.of(7, "test", [4])));
  });

  test("fills ten bins evenly (chi-squared of 9 degrees below its 99.9 percent point, 27.88)", () => {
    const random = sequence();
    const counts = Array.from({ length: 10 }, () => 0);
    for (let i = 0; i < 100_000; i++) counts[random.below(10)]!++;
    const chiSquared = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    expect(chiSquared).toBeLessThan(27.88);
  });

  test("draws normal numbers: mean, variance and fourth moment within five standard errors", () => {
    const random = sequence();
    const count = 100_000;
    const sums = [0, 0, 0];
    for (let i = 0; i < count; i++) {
      const value = random.normal();
      sums[0]! += value / count;
      sums[1]! += value ** 2 / count;
      sums[2]! += value ** 4 / count;
    }
    // Standard errors: 1, sqrt(2), sqrt(96) over sqrt(count).
    expect(Math.abs(sums[0]!)).toBeLessThan(5 / Math.sqrt(count));
    expect(Math.abs(sums[1]! - 1)).toBeLessThan((5 * Math.SQRT2) / Math.sqrt(count));
    expect(Math.abs(sums[2]! - 3)).toBeLessThan((5 * Math.sqrt(96)) / Math.sqrt(count));
  });

  test("shuffles three entries into each of the six orders equally often", () => {
    const random = sequence();
    const counts = new Map<string, number>();
    for (let i = 0; i < 60_000; i++) {
      const order = random.shuffle([0, 1, 2]).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    // 20.52: the 99.9 percent point of chi-squared with 5 degrees of freedom.
    const chiSquared = Array.from(counts.values()).reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    expect(chiSquared).toBeLessThan(20.52);
  });
});
