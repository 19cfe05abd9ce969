/** @file Where the bars of a Gantt picture are: spans of time as pixels, and the marks of its axis. */

export type Bar = {
  readonly key: string;
  /** Milliseconds, of whatever zero the picture has. */
  readonly start: number;
  readonly end: number;
  /** Number of the series colour, from 1. */
  readonly series: number;
  /** Written into the bar if there is room. */
  readonly text: string;
  /** What it is, in words. */
  readonly detail: string;
};

export type Row = { readonly label: string; readonly bars: readonly Bar[] };

export type PlacedBar = Bar & { readonly row: number; readonly x: number; readonly width: number };

export type Tick = { readonly x: number; readonly ms: number };

/** Bars that are shorter are drawn this wide, or nobody would see them. */
const MIN_WIDTH = 2;

export type Extent = { readonly from: number; readonly to: number; readonly width: number };

/** Bars that lie in the extent at least in part, cut at its ends; by their start, and rows in order for those that start together. */
export function placeBars(rows: readonly Row[], { from, to, width }: Extent): PlacedBar[] {
  const scale = width / (to - from);
  return rows
    .flatMap(({ bars }, row) =>
      bars
        .filter(({ start, end }) => end >= from && start <= to)
        .map((bar): PlacedBar => {
          const [start, end] = [Math.max(from, bar.start), Math.min(to, bar.end)];
          const barWidth = Math.max(MIN_WIDTH, (end - start) * scale);
          return { ...bar, row, x: Math.min((start - from) * scale, width - MIN_WIDTH), width: barWidth };
        }),
    )
    .toSorted((a, b) => a.start - b.start || a.row - b.row);
}

/** Round times (1, 2 or 5 times a power of ten) from `from`, at least `spacing` pixels apart. */
export function timeTicks({ from, to, width }: Extent, spacing = 90): Tick[] {
  const least = ((to - from) * spacing) / width;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= least) ?? 10);
  const count = Math.floor((to - from) / step + 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => ({
    ms: index * step,
    x: (index * step * width) / (to - from),
  }));
}
