/** @file Round numbers along an axis. */

export type AxisTicks = {
  /** At least two, ascending, evenly spaced; the first and the last enclose all values. */
  readonly ticks: readonly number[];
  readonly format: (tick: number) => string;
};

/**
 * Ticks at multiples of 1, 2 or 5 times a power of ten.
 *
 * @param values - at least one, all finite
 * @param options.count - about so many intervals
 * @param options.isWhole - only whole numbers (steps)
 */
export function axisTicks(
  values: readonly number[],
  options: { readonly count: number; readonly isWhole?: boolean },
): AxisTicks {
  const [low, high] = rangeOf(values);
  const interval = roundInterval((high - low) / options.count, options.isWhole ? 1 : 0);
  const first = Math.floor(low / interval + TOLERANCE);
  const last = Math.max(first + 1, Math.ceil(high / interval - TOLERANCE));
  const decimals = Math.max(0, -Math.floor(Math.log10(interval) + TOLERANCE));
  return {
    ticks: Array.from({ length: last - first + 1 }, (_, index) => (first + index) * interval),
    format: (tick) => (Math.abs(last * interval) >= COMPACT_FROM ? compact.format(tick) : formatTick(tick, decimals)),
  };
}

/** From here on 20000 is written 20K. */
const COMPACT_FROM = 10_000;
const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 4 });

/** A value that misses a tick by rounding only is on it. */
const TOLERANCE = 1e-9;

/** Never empty: around a constant there is room. */
function rangeOf(values: readonly number[]): [number, number] {
  const low = values.reduce((least, value) => Math.min(least, value), Infinity);
  const high = values.reduce((most, value) => Math.max(most, value), -Infinity);
  const room = high > low ? 0 : Math.abs(low) / 10 || 1;
  return [low - room, high + room];
}

function roundInterval(interval: number, least: number): number {
  const power = 10 ** Math.floor(Math.log10(interval));
  const factor = [1, 2, 5, 10].find((each) => each * power >= interval * (1 - TOLERANCE))!;
  return Math.max(least, factor * power);
}

function formatTick(tick: number, decimals: number): string {
  if (decimals > 6) return tick === 0 ? "0" : tick.toExponential(1);
  return tick.toFixed(decimals).replace(/^-0(\.0+)?$/, "0$1");
}
