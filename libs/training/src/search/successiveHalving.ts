/**
 * @file Successive halving (Jamieson and Talwalkar 2016; rounds as in Li et al. 2018, algorithm 1): all trials train a little, the best of
 * them some more, until one has trained to its end.
 */

export type HalvingRound = {
  /** Trials that take part. */
  readonly numTrials: number;
  /** Share of its steps that each has made at the end of the round. */
  readonly share: number;
};

/**
 * @param factor - at least 2: of so many trials one goes on, for so many times the steps
 * @returns rounds with ever fewer trials; the last has a share of 1
 */
export function halvingRounds(numTrials: number, factor: number): readonly HalvingRound[] {
  const counts = [numTrials];
  for (let power = factor; Math.floor(numTrials / power) >= 1; power *= factor)
    counts.push(Math.floor(numTrials / power));
  const last = counts.length - 1;
  return counts.map((count, round) => ({ numTrials: count, share: 1 / factor ** (last - round) }));
}
