/** @file Dividing encoded examples by the rows that they are of. */
import { countingUp } from "./growingArray.ts";
import type { EncodedExamples } from "./encodeExamples.ts";
import { splitRows, type Split, type SplitOptions } from "./splitRows.ts";

/**
 * Examples of one row stay together; single-label classes have the same share in all sets.
 *
 * @returns numbers of examples, each in ascending order
 * @throws DataError as `splitRows`
 */
export function splitExamples(examples: EncodedExamples, options: Omit<SplitOptions, "strata">): Split {
  const { store, rows, task, report } = examples;
  const numRows = report.numRows;
  const isStratified = task.name === "sequence-classification" && task.problemType === "single_label_classification";
  const all = countingUp(store.size);
  const strata = isStratified ? all.map((example) => store.get(example).target[0]!) : undefined;
  const split = splitRows(numRows, { ...options, strata });
  const examplesOf = (chosen: Int32Array) => {
    const isChosen = new Uint8Array(numRows);
    for (const row of chosen) isChosen[row] = 1;
    return all.filter((example) => isChosen[rows.at(example)] === 1);
  };
  return {
    train: examplesOf(split.train),
    validation: examplesOf(split.validation),
    test: examplesOf(split.test),
  };
}
