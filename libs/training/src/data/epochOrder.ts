/** @file The order of the examples in an epoch, as a pure function of seed and epoch: nothing about it needs to be saved. */
import { RandomSequence } from "../random/randomSequence.ts";

export const orderings = ["shuffled", "by-length", "sequential"] as const;
/**
 * - shuffled: at random
 * - by-length: at random, then texts of similar length next to each other within portions of up to 50 batches
 *   (transformers' `group_by_length`)
 * - sequential: as they lie in the file
 */
export type Ordering = (typeof orderings)[number];

export type EpochOrderOptions = {
  readonly ordering: Ordering;
  readonly seed: number;
  /** From 0. */
  readonly epoch: number;
  readonly batchSize: number;
};

/** @param lengths - tokens of each example @returns indices into `lengths` */
export function epochOrder(lengths: Int32Array, { ordering, seed, epoch, batchSize }: EpochOrderOptions): Int32Array {
  const order = Int32Array.from(lengths, (_, index) => index);
  if (ordering === "sequential") return order;
  RandomSequence.of(seed, "order", [epoch]).shuffle(order);
  return ordering === "shuffled" ? order : groupByLength(order, lengths, batchSize);
}

/**
 * Sorts portions of a random order by length, longest first, as `get_length_grouped_indices` of transformers 5. The longest
 * example of all comes first, so that what does not fit into memory fails at once.
 */
export function groupByLength(order: Int32Array, lengths: Int32Array, batchSize: number): Int32Array {
  const portionSize = Math.max(1, Math.min(Math.floor(lengths.length / (batchSize * 4)), 50)) * batchSize;
  const grouped = order.slice();
  let longest = 0;
  for (let start = 0; start < grouped.length; start += portionSize) {
    const portion = grouped.subarray(start, start + portionSize);
    portion.set(Array.from(portion).toSorted((a, b) => lengths[b]! - lengths[a]!));
    if (lengths[portion[0]!]! > lengths[grouped[longest]!]!) longest = start;
  }
  if (grouped.length > 0) [grouped[0], grouped[longest]] = [grouped[longest]!, grouped[0]!];
  return grouped;
}
