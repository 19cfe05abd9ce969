import { describe, expect, test } from "vitest";
import { ExampleStore } from "./exampleStore.ts";
import type { EncodedExamples } from "./encodeExamples.ts";
import { assignFolds, foldExamples } from "./foldExamples.ts";

/** Classes of 50, 33, 9 and 2 items, one after another. */
const sizes = [50, 33, 9, 2];
const strata = Int32Array.from(sizes.flatMap((size, label) => Array.from({ length: size }, () => label)));

/** Rows of two examples each (as windows of a context are), with the class of the row. */
function examplesOf(classes: readonly number[], numOfRow = 2): EncodedExamples {
  const store = new ExampleStore();
  const rows: number[] = [];
  classes.forEach((label, row) => {
    for (let window = 0; window < numOfRow; window++) {
      rows.push(row);
      store.add({ ids: Int32Array.of(row), firstSegment: 1, target: Int32Array.of(label) });
    }
  });
  const task = { name: "sequence-classification", problemType: "single_label_classification", numLabels: 4 };
  return {
    store,
    rows: { at: (i: number) => rows[i] },
    task,
    report: { file: "texts.csv" },
  } as unknown as EncodedExamples;
}

describe("the folds of a cross-validation", () => {
  test.each([2, 5, 10])("%i folds have the same size, and the same share of each class, to one", (numFolds) => {
    const folds = assignFolds(strata, { numFolds, seed: 1 });
    const counts = (label: number | null) =>
      Array.from(
        { length: numFolds },
        (_, fold) => folds.filter((each, item) => each === fold && (label === null || strata[item] === label)).length,
      );
    for (const label of [null, 0, 1, 2, 3]) {
      const all = counts(label);
      expect(Math.max(...all) - Math.min(...all)).toBeLessThanOrEqual(1);
    }
  });

  test("are others for another seed, and the same for the same", () => {
    const of = (seed: number) => [...assignFolds(strata, { numFolds: 5, seed })];
    expect(of(1)).toEqual(of(1));
    expect(of(1)).not.toEqual(of(2));
  });

  test("each example is evaluated on once and trained on in all other folds; examples of a row stay together", () => {
    const examples = examplesOf(Array.from(strata));
    // Without the first ten rows, which are for a test.
    const members = Int32Array.from({ length: examples.store.size - 20 }, (_, i) => i + 20);
    const folds = foldExamples(examples, members, { numFolds: 4, seed: 7 });
    expect(folds.flatMap(({ validation }) => [...validation]).toSorted((a, b) => a - b)).toEqual([...members]);
    for (const { train, validation } of folds) {
      expect([...train, ...validation].toSorted((a, b) => a - b)).toEqual([...members]);
      const rows = new Set(Array.from(validation, (example) => examples.rows.at(example)));
      expect(train.some((example) => rows.has(examples.rows.at(example)))).toBe(false);
    }
  });

  test("refuses more folds than rows", () => {
    const examples = examplesOf([0, 1, 0]);
    const members = Int32Array.of(0, 1, 2, 3, 4, 5);
    expect(() => foldExamples(examples, members, { numFolds: 4, seed: 1 })).toThrow(
      "texts.csv: folds: expected at least as many rows as folds (4), got 3 (take fewer folds)",
    );
  });
});
