/** @file Vectors as rows of outputs and targets, in float64. */
import type { Rows } from "./tasks/rows.ts";

/** @param cut.size - the first so many values of the row */
export function vectorAt(
  { data, numColumns }: Rows,
  row: number,
  { size, hasUnitLength }: { readonly size: number; readonly hasUnitLength: boolean },
): Float64Array {
  const vector = Float64Array.from({ length: size }, (_, column) => data[row * numColumns + column]!);
  if (!hasUnitLength) return vector;
  const length = Math.max(Math.sqrt(dot(vector, vector)), 1e-12);
  return vector.map((value) => value / length);
}

/** Of two vectors of one size. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += a[index]! * b[index]!;
  return sum;
}
