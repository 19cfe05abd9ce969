/**
 * @file Ratios that can be trusted: two things measured in turn, pair by pair, so that a machine whose speed drifts slows both.
 *
 * A ratio counts when the median of at least ten pairs reaches its bar. The interval is the one that order statistics give for a
 * median (binomial, at least 95 %); when it crosses the bar the result is undecided.
 */

export type Verdict = "reached" | "missed" | "undecided";

export type RatioSummary = {
  readonly pairs: number;
  readonly median: number;
  /** At least 95 % confidence for the median. */
  readonly interval: readonly [number, number];
  readonly min: number;
  readonly max: number;
};

/** Measure `a` and `b` in turn; each gives a rate (more is better). The order within a pair alternates. */
export async function alternate(
  a: () => Promise<number>,
  b: () => Promise<number>,
  options: { readonly pairs?: number; readonly onPair?: (pair: number, rates: readonly [number, number]) => void } = {},
): Promise<{ readonly ratio: RatioSummary; readonly a: readonly number[]; readonly b: readonly number[] }> {
  const { pairs = 10, onPair } = options;
  const rates: { a: number[]; b: number[] } = { a: [], b: [] };
  for (let pair = 0; pair < pairs; pair++) {
    const order = pair % 2 === 0 ? (["a", "b"] as const) : (["b", "a"] as const);
    for (const which of order) rates[which].push(await (which === "a" ? a() : b()));
    onPair?.(pair, [rates.a.at(-1)!, rates.b.at(-1)!]);
  }
  return { ratio: summarize(rates.a.map((rate, pair) => rate / rates.b[pair]!)), ...rates };
}

export function summarize(ratios: readonly number[]): RatioSummary {
  const sorted = ratios.toSorted((x, y) => x - y);
  const rank = lowerRank(sorted.length);
  return {
    pairs: sorted.length,
    median: median(sorted),
    interval: [sorted[rank]!, sorted[sorted.length - 1 - rank]!],
    min: sorted[0]!,
    max: sorted.at(-1)!,
  };
}

/** As people read it. */
export function formatRatio({ median: middle, interval, min, max, pairs }: RatioSummary): string {
  const [low, high] = interval.map((each) => each.toFixed(3));
  return `${middle.toFixed(3)} [${low}, ${high}], min ${min.toFixed(3)}, max ${max.toFixed(3)}, ${pairs} pairs`;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((x, y) => x - y);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function verdict({ pairs, median: middle, interval: [low, high] }: RatioSummary, bar: number): Verdict {
  if (pairs < 10 || (low < bar && high >= bar)) return "undecided";
  return middle >= bar ? "reached" : "missed";
}

/** Largest r for which the r-th smallest and r-th largest value enclose the median with at least 95 %. */
function lowerRank(count: number): number {
  let rank = 0;
  let tail = 0.5 ** count;
  let probability = tail;
  for (let r = 1; r < count / 2; r++) {
    probability = (probability * (count - r + 1)) / r;
    if (2 * (tail + probability) > 0.05) break;
    tail += probability;
    rank = r;
  }
  return rank;
}
