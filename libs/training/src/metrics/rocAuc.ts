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

/**
 * Each class against all others (`multi_class="ovr"`), averaged.
 *
 * @param targets - `[B]`, class numbers
 * @param probabilities - `[B, C]`
 * @param options.average - "macro" (default): mean over classes; "weighted": by how often each class occurs
 * @returns null when a class does not occur (scikit-learn refuses that)
 */
export function rocAucOneVsRest(
  targets: ArrayLike<number>,
  probabilities: ArrayLike<number>,
  options: { readonly numClasses: number; readonly average?: "macro" | "weighted" },
): number | null {
  const { numClasses, average = "macro" } = options;
  const all = Array.from(targets);
  let [sum, weights] = [0, 0];
  for (let label = 0; label < numClasses; label++) {
    const own = all.map((target) => (target === label ? 1 : 0));
    const area = rocAuc(
      own,
      own.map((_, row) => probabilities[row * numClasses + label]!),
    );
    if (area === null) return null;
    const weight = average === "macro" ? 1 : own.reduce<number>((count, each) => count + each, 0);
    sum += area * weight;
    weights += weight;
  }
  return weights === 0 ? null : sum / weights;
}
