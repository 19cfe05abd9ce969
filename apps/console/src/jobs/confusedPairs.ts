/** @file Which labels a model takes for which others. */

export type ConfusedPair = { readonly expected: string; readonly predicted: string; readonly count: number };

/** Those that happen, the most frequent first. @param counts - rows are what was expected, columns what the model said */
export function confusedPairs(labels: readonly string[], counts: readonly (readonly number[])[]): ConfusedPair[] {
  return counts
    .flatMap((row, expected) =>
      row.flatMap((count, predicted) =>
        count === 0 || expected === predicted
          ? []
          : [{ expected: labels[expected]!, predicted: labels[predicted]!, count }],
      ),
    )
    .toSorted((a, b) => b.count - a.count);
}
