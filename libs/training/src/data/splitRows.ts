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

export const setNames = ["train", "validation", "test"] as const;

/** @throws DataError as `assignSets` */
export function splitRows(numRows: number, options: SplitOptions): Split {
  const sets = assignSets(numRows, options);
  return membersOfSets(numRows, (row) => sets[row]!);
}

/**
 * Sets have the rounded share of rows; each class has its share in them to two rows, and keeps at least one row in training.
 *
 * @returns the set of each row, as its place in `setNames`
 * @throws DataError "data_option" for impossible shares; "data_too_small" when a set would be empty
 */
export function assignSets(numRows: number, options: SplitOptions): Uint8Array {
  const { validation = 0, test = 0 } = options;
  if (!(validation >= 0) || !(test >= 0) || validation + test >= 1) {
    const message = `split: expected shares from 0 that sum to less than 1, got validation ${validation} and test ${test}`;
    throw new DataError("data_option", message);
  }
  const sets = new Uint8Array(numRows);
  const counts = { validation: Math.round(numRows * validation), test: Math.round(numRows * test) };
  if (counts.validation + counts.test > 0) {
    const free = rowsToGive(numRows, options);
    const numTests = Math.min(counts.test, free.length);
    const numRest = free.length - numTests;
    const inTest = everySo(numTests, free.length);
    const inValidation = everySo(Math.min(counts.validation, numRest), numRest);
    for (const row of free) sets[row] = inTest() ? 2 : inValidation() ? 1 : 0;
  }
  const shares = [1 - validation - test, validation, test];
  shares.forEach((share, set) => {
    if (share === 0 || sets.includes(set)) return;
    const message = `split: expected enough rows for a share of ${share} for ${setNames[set]}, got ${numRows} rows`;
    throw new DataError("data_too_small", message);
  });
  return sets;
}

/** The members 0, 1, ... of each set, in ascending order. */
export function membersOfSets(size: number, setOf: (member: number) => number): Split {
  const sizes = [0, 0, 0];
  for (let member = 0; member < size; member++) sizes[setOf(member)]!++;
  const [train, validation, test] = sizes.map((each) => new Int32Array(each)) as [Int32Array, Int32Array, Int32Array];
  const lists = [train, validation, test];
  const filled = [0, 0, 0];
  for (let member = 0; member < size; member++) {
    const set = setOf(member);
    lists[set]![filled[set]!++] = member;
  }
  return { train, validation, test };
}

/** Rows class by class, in random order in each, without the first of each. */
function rowsToGive(numRows: number, { seed, strata }: SplitOptions): Int32Array {
  const classOf = (row: number) => strata?.[row] ?? 0;
  const rows = sortedByKey(RandomSequence.of(seed, "split").shuffle(countingUp(numRows)), classOf);
  let numFree = 0;
  let previous = -1;
  for (const row of rows) {
    const isFirst = classOf(row) !== previous;
    previous = classOf(row);
    if (!isFirst) rows[numFree++] = row;
  }
  return rows.subarray(0, numFree);
}

/** Says yes `count` times of `total`, at even distances. */
function everySo(count: number, total: number): () => boolean {
  let asked = 0;
  return () => {
    asked++;
    return Math.floor((asked * count) / total) > Math.floor(((asked - 1) * count) / total);
  };
}
