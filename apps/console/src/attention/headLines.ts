/**
 * @file The lines of the head view as data: from where to where, and how strong, the weakest first. Drawn by HeadView.
 *
 * Lines of nearly the same strength are drawn together: a long text has hundreds of thousands.
 */
import { placesOf, type Spans } from "./pairFilter.ts";

/** One token, of those that look or of those that are seen. */
export type Place = { readonly side: "looking" | "seen"; readonly place: number };

export type LineGroup = {
  readonly head: number;
  readonly opacity: number;
  /** Places in the text: from, to, from, to ... */
  readonly ends: readonly number[];
};

const LEVELS = 16;
/** Below this, a line cannot be seen. */
const MIN_WEIGHT = 0.02;
/** More cannot be told apart, and take seconds to draw. */
export const MAX_LINES = 5000;

/**
 * @param matrices - of the heads that are drawn, `[length, length]`
 * @param only - the token whose lines are drawn alone
 */
export function headLines(
  matrices: readonly { readonly head: number; readonly values: Float32Array }[],
  { length, spans, only }: { readonly length: number; readonly spans: Spans; readonly only: Place | null },
): LineGroup[] {
  const ofSide = (side: Place["side"]) => (only?.side === side ? [only.place] : placesOf(spans[side]));
  const [from, to] = [ofSide("looking"), ofSide("seen")];
  const levels = Array.from({ length: LEVELS }, () => matrices.map((): number[] => []));
  for (const [index, { values }] of matrices.entries()) {
    for (const row of from) {
      for (const column of to) {
        const weight = values[row * length + column]!;
        if (weight < MIN_WEIGHT) continue;
        levels[Math.min(LEVELS - 1, Math.floor(weight * LEVELS))]![index]!.push(row, column);
      }
    }
  }
  const opacityOf = (strength: number) => (only === null ? strength / Math.sqrt(matrices.length) : Math.sqrt(strength));
  const groups = levels.flatMap((ofHeads, level) =>
    ofHeads.map((ends, index) => ({ head: matrices[index]!.head, opacity: opacityOf((level + 0.5) / LEVELS), ends })),
  );
  return strongest(groups.filter(({ ends }) => ends.length > 0));
}

/** As many of the last groups as MAX_LINES allow, at least one. @param groups - the weakest first */
function strongest(groups: readonly LineGroup[]): LineGroup[] {
  let lines = 0;
  const first = groups.findLastIndex(({ ends }) => (lines += ends.length / 2) > MAX_LINES);
  return groups.slice(Math.min(first + 1, Math.max(0, groups.length - 1)));
}

/** Colours of heads, evenly around the circle from blue on; lightness changes from one to the next, for eyes that see fewer hues. */
export function headColour(
  head: number,
  { numHeads, isDark }: { readonly numHeads: number; readonly isDark: boolean },
): string {
  const hue = Math.round((215 + (head * 360) / numHeads) % 360);
  const [even, odd] = isDark ? [75, 60] : [32, 45];
  return `hsl(${hue} 85% ${head % 2 === 0 ? even : odd}%)`;
}
