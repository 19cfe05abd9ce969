/** @file Dividing encoded examples by the rows that they are of. */
import { countingUp } from "./growingArray.ts";
import type { EncodedExamples } from "./encodeExamples.ts";
import { assignSets, membersOfSets, type Split, type SplitOptions } from "./splitRows.ts";

/**
 * Examples of one row stay together; single-label classes have the same share in all sets.
 *
 * @returns numbers of examples, each in ascending order
 * @throws DataError as `splitRows`
 */
export function splitExamples(examples: EncodedExamples, options: Omit<SplitOptions, "strata">): Split {
  const { store, rows, report } = examples;
  const classOf = classesOf(examples);
  const strata = classOf === null ? undefined : countingUp(store.size).map(classOf);
  const sets = assignSets(report.numRows, { ...options, strata });
  return membersOfSets(store.size, (example) => sets[rows.at(example)]!);
}

/** The class of each example; null where an example has none, or several. */
export function classesOf({ store, task }: EncodedExamples): ((example: number) => number) | null {
  const hasOne = task.name === "sequence-classification" && task.problemType === "single_label_classification";
  return hasOne ? (example) => store.get(example).target[0]! : null;
}
