/**
 * @file Scores of multi-label classification, as scikit-learn 1.9 on indicator matrices with `zero_division=0`.
 *
 * Dimensions: B texts, C labels; 1 where a text has a label, else 0.
 */
import { averageScores, quotient, scoresOf, type AveragedScores, type Scores } from "./classScores.ts";
import { expectSameLength } from "./expectSameLength.ts";

export type MultiLabelScores = AveragedScores & {
  /** Share of texts whose labels are all right; null when there are no texts. */
  readonly subsetAccuracy: number | null;
  /** Mean over texts of the scores of each text's labels. */
  readonly samples: Scores;
  readonly perLabel: readonly (Scores & { readonly support: number })[];
};

/**
 * @param targets - `[B, C]`
 * @param predictions - `[B, C]`
 * @param numLabels - C
 * @throws MetricError when the lengths differ
 */
export function multiLabelScores(
  targets: ArrayLike<number>,
  predictions: ArrayLike<number>,
  numLabels: number,
): MultiLabelScores {
  expectSameLength("multiLabelScores", targets, predictions);
  const numTexts = targets.length / numLabels;
  const labels = Array.from({ length: numLabels }, () => ({ correct: 0, predicted: 0, actual: 0 }));
  const samples = { precision: 0, recall: 0, f1: 0 };
  let numRight = 0;
  for (let text = 0; text < numTexts; text++) {
    const own = { correct: 0, predicted: 0, actual: 0 };
    for (let label = 0; label < numLabels; label++) {
      const actual = targets[text * numLabels + label]!;
      const predicted = predictions[text * numLabels + label]!;
      for (const counts of [labels[label]!, own]) {
        counts.actual += actual;
        counts.predicted += predicted;
        counts.correct += actual * predicted;
      }
    }
    if (own.correct === own.actual && own.correct === own.predicted) numRight++;
    const scores = scoresOf(own);
    samples.precision += scores.precision;
    samples.recall += scores.recall;
    samples.f1 += scores.f1;
  }
  return {
    subsetAccuracy: numTexts === 0 ? null : numRight / numTexts,
    samples: {
      precision: quotient(samples.precision, numTexts),
      recall: quotient(samples.recall, numTexts),
      f1: quotient(samples.f1, numTexts),
    },
    perLabel: labels.map((counts) => ({ ...scoresOf(counts), support: counts.actual })),
    ...averageScores(labels),
  };
}
