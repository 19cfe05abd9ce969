/** @file Ranks from 1; equal values share the mean of their ranks (scipy.stats.rankdata, `method="average"`). */

/** @returns one rank per value */
export function averageRanks(values: ArrayLike<number>): Float64Array {
  const order = Array.from({ length: values.length }, (_, index) => index).toSorted(
    (left, right) => values[left]! - values[right]!,
  );
  const ranks = new Float64Array(values.length);
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++;
    for (let place = start; place < end; place++) ranks[order[place]!] = (start + 1 + end) / 2;
    start = end;
  }
  return ranks;
}
