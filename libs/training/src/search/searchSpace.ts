/** @file Points of a space of hyper-parameters: all of a grid, or some at random (Bergstra and Bengio 2012). */
import { RandomSequence } from "../random/randomSequence.ts";

export const rangeScales = ["linear", "log"] as const;

/** Any number from `min` to `max`, each equally likely by its value, or by its logarithm. */
export type SearchRange = { readonly min: number; readonly max: number; readonly scale: (typeof rangeScales)[number] };

/** For each name the values to try, or the range to draw them from. */
export type SearchSpace = Readonly<Record<string, readonly unknown[] | SearchRange>>;

/** A value for each name. */
export type SearchPoint = Readonly<Record<string, unknown>>;

const isList = (values: SearchSpace[string]): values is readonly unknown[] => Array.isArray(values);

/** How many points a grid has; null where a range has infinitely many. */
export function gridSize(space: SearchSpace): number | null {
  return Object.values(space).reduce<number | null>(
    (size, values) => (size === null || !isList(values) ? null : size * values.length),
    1,
  );
}

/** Every combination, the last name changing fastest. @throws RangeError for a range */
export function gridPoints(space: SearchSpace): SearchPoint[] {
  return Object.entries(space).reduce<SearchPoint[]>(
    (points, [name, values]) => {
      if (!isList(values)) throw new RangeError(`${name}: expected a list of values, got a range`);
      return points.flatMap((point) => values.map((value) => ({ ...point, [name]: value })));
    },
    [{}],
  );
}

/**
 * Different points at random: the first ones of a longer list with the same seed. Of a grid with fewer points, all of them.
 *
 * @param options.isWhole - names that take whole numbers only: what is drawn is rounded
 */
export function randomPoints(
  space: SearchSpace,
  {
    count,
    seed,
    isWhole,
  }: { readonly count: number; readonly seed: number; readonly isWhole: (name: string) => boolean },
): SearchPoint[] {
  const random = RandomSequence.of(seed, "search");
  const draw = ([name, values]: [string, SearchSpace[string]]) => {
    if (isList(values)) return [name, values[random.below(values.length)]];
    const value = drawFrom(values, random.uniform());
    return [name, isWhole(name) ? Math.round(value) : shortened(value, values)];
  };
  const points = new Map<string, SearchPoint>();
  const most = Math.min(count, gridSize(space) ?? Infinity);
  for (let attempts = 0; points.size < most && attempts < most * ATTEMPTS; attempts++) {
    const point = Object.fromEntries(Object.entries(space).map(draw)) as SearchPoint;
    points.set(JSON.stringify(point), point);
  }
  return [...points.values()];
}

/** For each point, until no others are to be had: a range of whole numbers may hold fewer than were asked for. */
const ATTEMPTS = 1000;

function drawFrom({ min, max, scale }: SearchRange, uniform: number): number {
  return scale === "log" ? min * (max / min) ** uniform : min + (max - min) * uniform;
}

/** More digits than the range has to itself tell nobody anything: about a thousandth of it. */
function shortened(value: number, { min, max, scale }: SearchRange): number {
  const digits =
    scale === "log" && max / min >= 10 ? 3 : 3 + Math.max(0, Math.ceil(Math.log10(Math.abs(value) / (max - min))));
  return Math.min(max, Math.max(min, Number(value.toPrecision(Math.min(15, digits)))));
}
