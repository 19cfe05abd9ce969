/** @file Dividing rows into training, validation and test sets at random, with the same share of each class in all. */
import { RandomSequence } from "../random/randomSequence.ts";
import { countingUp, sortedByKey } from "./growingArray.ts";
import { DataError } from "./dataError.ts";

/** Shares that are set aside, from 0 to below 1 together; default 0. */
export type SplitShares = { readonly validation?: number | undefined; readonly test?: number | undefined };

export type SplitOptions = SplitShares & {
  readonly seed: number;
  /** Class of each row; default: all of one. */
  readonly strata?: Int32Array | undefined;
};

/** Numbers of rows, each in ascending order. */
export type Split = { readonly train: Int32Array; readonly validation: Int32Array; readonly test: Int32Array };

/**
 * Sets have the rounded share of rows; each class has its share in them to two rows, and keeps at least one row in training.
 *
 * @throws DataError "data_option" for impossible shares; "data_too_small" when a set would be empty
 */
export function splitRows(numRows: number, options: SplitOptions): Split {
  const { seed, validation = 0, test = 0 } = options;
  if (!(validation >= 0) || !(test >= 0) || validation + test >= 1) {
    const message = `split: expected shares from 0 that sum to less than 1, got validation ${validation} and test ${test}`;
    throw new DataError("data_option", message);
  }
  const classOf = (row: number) => options.strata?.[row] ?? 0;
  const order = RandomSequence.of(seed, "split").shuffle(countingUp(numRows));
  const byClass = sortedByKey(order, classOf);
  const isFirst = (row: number, at: number) => at === 0 || classOf(row) !== classOf(byClass[at - 1]!);
  const kept = byClass.filter(isFirst);
  const free = byClass.filter((row, at) => !isFirst(row, at));
  const tests = spread(free, Math.round(numRows * test));
  const validations = spread(tests.rest, Math.round(numRows * validation));
  const split = {
    train: joined(kept, validations.rest),
    validation: validations.taken,
    test: tests.taken,
  };
  const shares = { train: 1 - validation - test, validation, test };
  for (const name of ["train", "validation", "test"] as const) {
    if (shares[name] > 0 && split[name].length === 0) {
      const message = `split: expected enough rows for a share of ${shares[name]} for ${name}, got ${numRows} rows`;
      throw new DataError("data_too_small", message);
    }
    split[name].sort();
  }
  return split;
}

function joined(first: Int32Array, second: Int32Array): Int32Array {
  const both = new Int32Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** Takes `count` entries at even distances. */
function spread(list: Int32Array, count: number): { taken: Int32Array; rest: Int32Array } {
  const most = Math.min(count, list.length);
  const isTaken = (_: number, at: number) =>
    Math.floor(((at + 1) * most) / list.length) > Math.floor((at * most) / list.length);
  return { taken: list.filter(isTaken), rest: list.filter((entry, at) => !isTaken(entry, at)) };
}
