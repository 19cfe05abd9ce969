/** @file Dividing the examples of a step into micro-batches of similar lengths, so that attention pads little. */

export type MicroBatchRule =
  /** So many, of about equal cost; fewer when a step has fewer examples. */
  | { readonly count: number }
  /** Whatever this function gives for the lengths: indices, each once. */
  | { readonly cut: (lengths: readonly number[]) => number[][] };

/**
 * Cuts the examples in order of their lengths.
 *
 * @param lengths - tokens of each example
 * @returns indices into `lengths`; shortest examples first
 */
export function cutMicroBatches(lengths: readonly number[], rule: MicroBatchRule): number[][] {
  if ("cut" in rule) return rule.cut(lengths);
  const order = lengths.map((_, index) => index).toSorted((a, b) => lengths[a]! - lengths[b]! || a - b);
  const sorted = order.map((index) => lengths[index]!);
  const ends = evenCuts(sorted, Math.min(rule.count, sorted.length));
  return ends.map((end, i) => order.slice(i === 0 ? 0 : ends[i - 1], end));
}

/** Places that a padded batch of these examples has: B times L. */
export function paddedTokens(lengths: readonly number[]): number {
  return lengths.length * lengths.reduce((a, b) => Math.max(a, b), 0);
}

/** Ends of exactly `count` groups of which the costliest has as few padded tokens as possible. */
function evenCuts(sorted: readonly number[], count: number): number[] {
  let [low, high] = [sorted.at(-1) ?? 0, paddedTokens(sorted)];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (budgetCuts(sorted, middle).length <= count) high = middle;
    else low = middle + 1;
  }
  const ends = budgetCuts(sorted, low);
  while (ends.length < count) halveLargest(ends);
  return ends;
}

/** Ends of as few groups as have at most so many tokens, padding included; an example that is longer by itself is alone. */
function budgetCuts(sorted: readonly number[], maxTokens: number): number[] {
  const ends: number[] = [];
  let start = 0;
  sorted.forEach((length, i) => {
    if (i > start && (i + 1 - start) * length > maxTokens) {
      ends.push(i);
      start = i;
    }
  });
  if (sorted.length > 0) ends.push(sorted.length);
  return ends;
}

function halveLargest(ends: number[]): void {
  const sizes = ends.map((end, i) => end - (ends[i - 1] ?? 0));
  const largest = sizes.indexOf(Math.max(...sizes));
  ends.splice(largest, 0, (ends[largest - 1] ?? 0) + Math.ceil(sizes[largest]! / 2));
}
