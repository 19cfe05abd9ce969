import { describe, expect, test } from "vitest";
import { DataError } from "./dataError.ts";
import { splitRows } from "./splitRows.ts";

/** Classes of 600, 300, 95, 4 and 1 rows, mixed. */
const sizes = [600, 300, 95, 4, 1];
const strata = Int32Array.from(sizes.flatMap((size, label) => Array.from({ length: size }, () => label)));
const options = { seed: 1, validation: 0.1, test: 0.2, strata };

describe("splitRows()", () => {
  const split = splitRows(1000, options);

  test("puts each row into one set, in the shares asked for", () => {
    const all = [...split.train, ...split.validation, ...split.test].toSorted((a, b) => a - b);
    expect(all).toEqual(Array.from({ length: 1000 }, (_, row) => row));
    expect([split.train.length, split.validation.length, split.test.length]).toEqual([700, 100, 200]);
  });

  test("gives each class its share in each set, to two rows", () => {
    sizes.forEach((size, label) => {
      const count = (rows: Int32Array) => rows.filter((row) => strata[row] === label).length;
      expect(Math.abs(count(split.validation) - size * 0.1)).toBeLessThanOrEqual(2);
      expect(Math.abs(count(split.test) - size * 0.2)).toBeLessThanOrEqual(2);
    });
  });

  test("keeps a row of each class for training", () => {
    expect(new Set(split.train.map((row) => strata[row]!)).size).toBe(sizes.length);
  });

  test("is the same for the same seed, another for another", () => {
    expect(splitRows(1000, options)).toEqual(split);
    expect(splitRows(1000, { ...options, seed: 2 }).test).not.toEqual(split.test);
  });

  test("refuses shares of one and more, and sets without rows", () => {
    expect(() => splitRows(10, { seed: 1, validation: 0.5, test: 0.5 })).toThrow(
      /shares from 0 that sum to less than 1/,
    );
    expect(() => splitRows(3, { seed: 1, validation: 0.1 })).toThrow(DataError);
  });
});
