/**
 * @file Precision, recall and F1 from counts, and their averages, as scikit-learn 1.9 with `zero_division=0`.
 *
 * Classes, labels of a multi-label task and entity types are all counted in the same way; only what is counted differs.
 */

/** What was counted for one class. */
export type ClassCounts = {
  /** Predicted, and right. */
  readonly correct: number;
  readonly predicted: number;
  /** Occurrences in the targets: the support. */
  readonly actual: number;
};

export type Scores = { readonly precision: number; readonly recall: number; readonly f1: number };

export type AveragedScores = {
  /** Mean over classes. */
  readonly macro: Scores;
  /** Of the sums of the counts over classes. */
  readonly micro: Scores;
  /** Mean over classes, weighted by support. */
  readonly weighted: Scores;
};

/** A quotient whose denominator is 0 is 0: nothing was predicted, or nothing was there. */
export function scoresOf({ correct, predicted, actual }: ClassCounts): Scores {
  return {
    precision: quotient(correct, predicted),
    recall: quotient(correct, actual),
    f1: quotient(2 * correct, predicted + actual),
  };
}

/** @param classes - one entry per class that takes part in the averages; none gives zeros */
export function averageScores(classes: readonly ClassCounts[]): AveragedScores {
  const scores = classes.map(scoresOf);
  return {
    macro: weightedMean(
      scores,
      classes.map(() => 1),
    ),
    micro: scoresOf({
      correct: total(classes, "correct"),
      predicted: total(classes, "predicted"),
      actual: total(classes, "actual"),
    }),
    weighted: weightedMean(
      scores,
      classes.map(({ actual }) => actual),
    ),
  };
}

/** 0 where the denominator is 0. */
export function quotient(numerator: number, denominator: number): number {
  return denominator === 0 ? 0 : numerator / denominator;
}

function total(classes: readonly ClassCounts[], count: keyof ClassCounts): number {
  return classes.reduce((sum, each) => sum + each[count], 0);
}

function weightedMean(scores: readonly Scores[], weights: readonly number[]): Scores {
  const weight = weights.reduce((sum, each) => sum + each, 0);
  const mean = (name: keyof Scores) =>
    quotient(
      scores.reduce((sum, each, index) => sum + each[name] * weights[index]!, 0),
      weight,
    );
  return { precision: mean("precision"), recall: mean("recall"), f1: mean("f1") };
}
