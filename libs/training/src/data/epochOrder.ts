/** @file The order of the examples in an epoch, as a pure function of seed and epoch: nothing about it needs to be saved. */
import { countingUp } from "./growingArray.ts";
import { RandomSequence } from "../random/randomSequence.ts";

/**
 * - shuffled: at random
 * - by-length: at random, then texts of similar length next to each other within portions of up to 50 batches
 *   (transformers' `group_by_length`)
 * - sequential: as they lie in the file
 */
export type Ordering = "shuffled" | "by-length" | "sequential";

export type EpochOrderOptions = {
  readonly ordering: Ordering;
  readonly seed: number;
  /** From 0. */
  readonly epoch: number;
  readonly batchSize: number;
};

/** Tokens of an example by its number. */
export type LengthOf = (example: number) => number;

/** @param size - number of examples @returns their numbers, from 0 */
export function epochOrder(size: number, lengthOf: LengthOf, options: EpochOrderOptions): Int32Array {
  const { ordering, seed, epoch, batchSize } = options;
  const order = countingUp(size);
  if (ordering === "sequential") return order;
  RandomSequence.of(seed, "order", [epoch]).shuffle(order);
  return ordering === "shuffled" ? order : groupByLength(order, lengthOf, batchSize);
}

/**
 * Sorts portions of a random order by length, longest first, as `get_length_grouped_indices` of transformers 5. The longest
 * example of all comes first, so that what does not fit into memory fails at once. In place.
 *
 * @returns its first argument
 */
export function groupByLength(order: Int32Array, lengthOf: LengthOf, batchSize: number): Int32Array {
  const portionSize = Math.max(1, Math.min(Math.floor(order.length / (batchSize * 4)), 50)) * batchSize;
  let longest = 0;
  for (let start = 0; start < order.length; start += portionSize) {
    const portion = order.subarray(start, start + portionSize);
    portion.set(Array.from(portion).toSorted((a, b) => lengthOf(b) - lengthOf(a)));
    if (lengthOf(portion[0]!) > lengthOf(order[longest]!)) longest = start;
  }
  if (order.length > 0) [order[0], order[longest]] = [order[longest]!, order[0]!];
  return order;
}
