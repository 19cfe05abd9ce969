/**
 * @file How well a ranking puts what is relevant first, as sentence-transformers' InformationRetrievalEvaluator measures it with
 * binary relevance.
 */
import { RunningMean } from "./runningMean.ts";

/** Places of a ranking that mrr and ndcg look at. */
const CUT = 10;

/**
 * Ranks of what is relevant, from 1. Of equal scores the one that comes first is ranked first; scores that are not finite are last.
 *
 * @param relevant - places in `scores`
 */
export function ranksOf(scores: ArrayLike<number>, relevant: readonly number[]): number[] {
  return relevant.map((place) => {
    const own = scores[place]!;
    if (!Number.isFinite(own)) return scores.length;
    let rank = 1;
    for (let other = 0; other < scores.length; other++)
      if (scores[other]! > own || (scores[other] === own && other < place)) rank++;
    return rank;
  });
}

export class RankingTally {
  readonly #reciprocal = new RunningMean();
  readonly #first = new RunningMean();
  readonly #within = new RunningMean();
  readonly #gain = new RunningMean();

  /** Count the ranking of one query. @param ranks - of all that is relevant to it, from 1; at least one */
  add(ranks: readonly number[]): void {
    const found = ranks.filter((rank) => rank <= CUT);
    this.#reciprocal.add(found.length === 0 ? 0 : 1 / Math.min(...found));
    this.#first.add(ranks.filter((rank) => rank === 1).length / ranks.length);
    this.#within.add(found.length / ranks.length);
    const ideal = Array.from({ length: Math.min(CUT, ranks.length) }, (_, place) => place + 1);
    this.#gain.add(cumulatedGain(found) / cumulatedGain(ideal));
  }

  /** mrr_at_10, recall_at_1, recall_at_10, ndcg_at_10: means over queries, null before the first. */
  get metrics(): Readonly<Record<string, number | null>> {
    return {
      mrr_at_10: this.#reciprocal.value,
      recall_at_1: this.#first.value,
      recall_at_10: this.#within.value,
      ndcg_at_10: this.#gain.value,
    };
  }
}

function cumulatedGain(ranks: readonly number[]): number {
  return ranks.reduce((sum, rank) => sum + 1 / Math.log2(rank + 1), 0);
}
