import { describe, expect, test } from "vitest";
import { RandomSequence } from "../random/randomSequence.ts";
import { DataError } from "./dataError.ts";
import { maskAtRandom, maskVocabulary } from "./masking.ts";
import { special, tinyTokenizer } from "./testing/tinyTokenizer.ts";

const words = [...Array.from({ length: 60 }, (_, i) => `w${i}`), ...Array.from({ length: 30 }, (_, i) => `##p${i}`)];
const vocabulary = maskVocabulary(tinyTokenizer(words));
const firstPiece = 65;

/** Framed text of n tokens: word, piece, piece, word, ... */
function text(n: number, seed: number): Int32Array {
  const random = RandomSequence.of(seed, "text");
  const tokens = Array.from({ length: n }, (_, i) =>
    i % 3 === 0 ? 5 + random.below(60) : firstPiece + random.below(30),
  );
  return Int32Array.of(special.cls, ...tokens, special.sep);
}

const draw = (ids: Int32Array, counter: number, options = {}) =>
  maskAtRandom(ids, { vocabulary, ...options }, RandomSequence.of(1, "mask", [counter]));

describe("maskVocabulary()", () => {
  test("knows the frame and which tokens continue a word", () => {
    expect(vocabulary).toMatchObject({ size: 95, maskId: special.mask });
    expect(Array.from(vocabulary.continues.subarray(0, 5))).toEqual([0, 0, 0, 0, 0]);
    expect([vocabulary.continues[5], vocabulary.continues[firstPiece]]).toEqual([0, 1]);
    expect(vocabulary.frameIds).toEqual([special.cls, special.sep, special.pad]);
  });
});

describe("maskAtRandom()", () => {
  const n = 90;
  const texts = Array.from({ length: 2000 }, (_, i) => text(n, i));

  test.each([false, true])("chooses 15 percent of the tokens (whole words: %s)", (wholeWords) => {
    const masked = texts.reduce((sum, ids, i) => sum + draw(ids, i, { wholeWords }).positions.length, 0);
    const units = texts.length * (wholeWords ? n / 3 : n);
    expect(Math.abs(masked / (texts.length * n) - 0.15)).toBeLessThan(5 * Math.sqrt((0.15 * 0.85) / units));
  });

  test("replaces 80 percent by the mask and 10 by any token, and keeps 10", () => {
    const counts = { mask: 0, same: 0, other: 0 };
    texts.forEach((original, i) => {
      const { ids, positions, labels } = draw(original, i);
      positions.forEach((position, j) => {
        expect(labels[j]).toBe(original[position]);
        counts[ids[position] === special.mask ? "mask" : ids[position] === labels[j] ? "same" : "other"]++;
      });
    });
    const total = counts.mask + counts.same + counts.other;
    const expected = { mask: 0.8 + 0.1 / 95, same: 0.1 + 0.1 / 95, other: 0.1 - 0.2 / 95 };
    for (const kind of ["mask", "same", "other"] as const) {
      const error = Math.sqrt((expected[kind] * (1 - expected[kind])) / total);
      expect(Math.abs(counts[kind] / total - expected[kind])).toBeLessThan(5 * error);
    }
  });

  test("changes nothing but the chosen places, and never the frame", () => {
    const original = text(30, 3);
    const { ids, positions } = draw(original, 3);
    const changed = Array.from(original.keys()).filter((place) => ids[place] !== original[place]);
    expect(Array.from(positions)).toEqual(expect.arrayContaining(changed));
    expect(positions[0]).toBeGreaterThan(0);
    expect(positions.at(-1)).toBeLessThan(31);
  });

  test("chooses a token where chance chooses none", () => {
    const chosen = Array.from({ length: 200 }, (_, i) => draw(text(2, i), i).positions.length);
    expect(Math.min(...chosen)).toBe(1);
  });

  test("chooses words as a whole", () => {
    for (const [i, ids] of texts.slice(0, 50).entries()) {
      const { positions } = draw(ids, i, { wholeWords: true });
      const starts = Array.from(positions).filter((place) => place % 3 === 1);
      expect(Array.from(positions)).toEqual(starts.flatMap((start) => [start, start + 1, start + 2]));
    }
  });

  test("refuses a tokenizer without a mask token", () => {
    const tokenizer = tinyTokenizer(["a"]);
    const maskless = new Proxy(tokenizer, {
      get: (target, key) =>
        key === "specialTokens" ? { ...target.specialTokens, mask: undefined } : Reflect.get(target, key),
    });
    expect(() => maskVocabulary(maskless)).toThrow(DataError);
  });
});
