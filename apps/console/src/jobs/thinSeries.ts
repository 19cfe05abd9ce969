/** @file Curves of many points, thinned to what a screen can show. */
import type { Series } from "./jobHistory.ts";

/**
 * The first and the last point, and of each stretch between them the least and the greatest: no peak gets lost.
 *
 * @param maxPoints - at least 4
 * @returns at most so many points, steps rising; the series itself where it has no more
 */
export function thinSeries(series: Series, maxPoints: number): Series {
  const { steps, values } = series;
  const length = steps.length;
  if (length <= maxPoints) return series;
  const numStretches = Math.floor((maxPoints - 2) / 2);
  const kept: number[] = [0];
  for (let stretch = 0; stretch < numStretches; stretch++) {
    const start = 1 + Math.floor((stretch * (length - 2)) / numStretches);
    const end = 1 + Math.floor(((stretch + 1) * (length - 2)) / numStretches);
    let least = start;
    let greatest = start;
    for (let place = start + 1; place < end; place++) {
      if (values[place]! < values[least]!) least = place;
      if (values[place]! > values[greatest]!) greatest = place;
    }
    kept.push(Math.min(least, greatest));
    if (least !== greatest) kept.push(Math.max(least, greatest));
  }
  kept.push(length - 1);
  return { steps: kept.map((place) => steps[place]!), values: kept.map((place) => values[place]!) };
}

/** One list of steps, and the values of each series at them, null where it has none: as uPlot takes them. */
export function alignSeries(all: readonly Series[]): [number[], ...(number | null)[][]] {
  const steps = [...new Set(all.flatMap((series) => [...series.steps]))].toSorted((a, b) => a - b);
  const places = new Map(steps.map((step, place) => [step, place]));
  const aligned = all.map((series) => {
    const values: (number | null)[] = Array.from({ length: steps.length }, () => null);
    for (const [index, step] of series.steps.entries()) values[places.get(step)!] = series.values[index]!;
    return values;
  });
  return [steps, ...aligned];
}
