/** @file Area under the receiver operating characteristic, as scikit-learn 1.9's `roc_auc_score`. */
import { averageRanks } from "./averageRanks.ts";
import { expectSameLength } from "./expectSameLength.ts";

/**
 * The chance that a positive example has a higher score than a negative one; equal scores count half.
 *
 * @param targets - 1 for positive, anything else for negative
 * @returns null when only one of the two occurs
 * @throws MetricError when the lengths differ
 */
export function rocAuc(targets: ArrayLike<number>, scores: ArrayLike<number>): number | null {
  expectSameLength("rocAuc", targets, scores);
  const ranks = averageRanks(scores);
  let [rankSum, positives] = [0, 0];
  for (let index = 0; index < targets.length; index++) {
    if (targets[index] !== 1) continue;
    rankSum += ranks[index]!;
    positives++;
  }
  const pairs = positives * (targets.length - positives);
  return pairs === 0 ? null : (rankSum - (positives * (positives + 1)) / 2) / pairs;
}
