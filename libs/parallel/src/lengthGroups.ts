/**
 * @file Cutting texts into micro-batches of similar length, by measured cost.
 *
 * Only attention sees padding (activations are packed), so a micro-batch costs what its tokens cost, plus what attention
 * spends on padding, plus a fixed part. One batch wastes padding, many batches waste the fixed part; this finds the cheapest cut.
 *
 * Dimensions: B texts, L longest text, T tokens of a micro-batch.
 */

/** `seconds = fixed + token T + padded B L + attention B L^2`, as fitted by a stage (fitRunCost). */
export type RunCost = {
  readonly fixed: number;
  readonly token: number;
  readonly padded: number;
  readonly attention: number;
};

/** Ratios as measured for MiniLM on two cores, for use until a stage has measured its own. */
export const typicalRunCost: RunCost = { fixed: 4e-4, token: 8e-5, padded: 2e-6, attention: 3e-8 };

/** Predicted seconds of one run. */
export function runSeconds(cost: RunCost, lengths: readonly number[]): number {
  const longest = lengths.reduce((a, b) => Math.max(a, b), 0);
  const tokens = lengths.reduce((a, b) => a + b, 0);
  return cost.fixed + cost.token * tokens + lengths.length * longest * (cost.padded + cost.attention * longest);
}

/** Costs of a pipeline: stages work one after another on a micro-batch, so their costs add up. */
export function sumCosts(costs: readonly RunCost[]): RunCost {
  const sum = (part: keyof RunCost) => costs.reduce((total, cost) => total + cost[part], 0);
  return { fixed: sum("fixed"), token: sum("token"), padded: sum("padded"), attention: sum("attention") };
}

/**
 * Cut texts, in order of length, into groups with the least predicted time: exact dynamic programming, O(texts^2) at worst.
 * Without `maxTokens` no other grouping is cheaper either: of two groups, the shorter texts of both may as well be in one.
 * With it one may be (it is bin packing then), at the price of mixed lengths.
 *
 * @param lengths - tokens of each text
 * @param maxTokens - most tokens of a group; a text that is longer by itself is a group of its own
 * @returns indices into `lengths`; shortest texts first
 */
export function cutByLength(lengths: readonly number[], cost: RunCost, maxTokens: number): number[][] {
  const order = lengths.map((_, index) => index).toSorted((a, b) => lengths[a]! - lengths[b]! || a - b);
  const sorted = order.map((index) => lengths[index]!);
  /** best[end]: least seconds for the shortest `end` texts, and where its last group starts. */
  const best: { seconds: number; start: number }[] = [{ seconds: 0, start: 0 }];
  for (let end = 1; end <= sorted.length; end++) {
    const longest = sorted[end - 1]!;
    let tokens = 0;
    best[end] = { seconds: Infinity, start: end - 1 };
    for (let start = end - 1; start >= 0; start--) {
      tokens += sorted[start]!;
      if (tokens > maxTokens && start < end - 1) break;
      const group =
        cost.fixed + cost.token * tokens + (end - start) * longest * (cost.padded + cost.attention * longest);
      const seconds = best[start]!.seconds + group;
      if (seconds < best[end]!.seconds) best[end] = { seconds, start };
    }
  }
  const groups: number[][] = [];
  for (let end = sorted.length; end > 0; end = best[end]!.start) groups.unshift(order.slice(best[end]!.start, end));
  return groups;
}
