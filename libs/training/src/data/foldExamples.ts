/** @file Dividing examples into the folds of a cross-validation: each is evaluated on once, by a model that was trained on all others. */
import { RandomSequence } from "../random/randomSequence.ts";
import { DataError } from "./dataError.ts";
import type { EncodedExamples } from "./encodeExamples.ts";
import { countingUp, sortedByKey } from "./growingArray.ts";
import { classesOf } from "./splitExamples.ts";

export type FoldOptions = { readonly numFolds: number; readonly seed: number };

/** Numbers of examples, each in ascending order. */
export type Fold = { readonly train: Int32Array; readonly validation: Int32Array };

/**
 * Examples of one row stay together; folds, and the single-label classes in them, have the same size to one row.
 *
 * @param members - numbers of the examples that are divided, in ascending order
 * @throws DataError "data_too_small" for fewer rows than folds
 */
export function foldExamples(
  examples: EncodedExamples,
  members: Int32Array,
  { numFolds, seed }: FoldOptions,
): readonly Fold[] {
  const { rows, report } = examples;
  const rowOf = (example: number) => rows.at(example);
  const classOf = classesOf(examples);
  const first = members.filter((example, at) => at === 0 || rowOf(example) !== rowOf(members[at - 1]!));
  if (first.length < numFolds) {
    const message = `folds: expected at least as many rows as folds (${numFolds}), got ${first.length} (take fewer folds)`;
    throw new DataError("data_too_small", message, { file: report.file });
  }
  const strata = classOf === null ? new Int32Array(first.length) : first.map(classOf);
  const folds = assignFolds(strata, { numFolds, seed });
  const foldOfRow = new Map(Array.from(first, (example, at) => [rowOf(example), folds[at]!]));
  return Array.from({ length: numFolds }, (_, fold) => ({
    train: members.filter((example) => foldOfRow.get(rowOf(example)) !== fold),
    validation: members.filter((example) => foldOfRow.get(rowOf(example)) === fold),
  }));
}

/** @param strata - class of each item @returns the fold of each item: dealt out class by class, in random order in each */
export function assignFolds(strata: Int32Array, { numFolds, seed }: FoldOptions): Int32Array {
  const shuffled = RandomSequence.of(seed, "folds").shuffle(countingUp(strata.length));
  const folds = new Int32Array(strata.length);
  sortedByKey(shuffled, (item) => strata[item]!).forEach((item, place) => {
    folds[item] = place % numFolds;
  });
  return folds;
}
