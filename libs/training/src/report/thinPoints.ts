/** @file A long line with fewer points. */

export type CurvePoint = { readonly step: number; readonly value: number };

/** Those that have a value which can be drawn. */
export function finitePoints(
  points: readonly { readonly step: number; readonly value: number | null | undefined }[],
): readonly CurvePoint[] {
  return points.flatMap(({ step, value }) => (Number.isFinite(value) ? [{ step, value: value! }] : []));
}

/** The same line with at most `most` points: means of as many groups of neighbours. A shorter line stays as it is. */
export function thinPoints(points: readonly CurvePoint[], most: number): readonly CurvePoint[] {
  if (points.length <= most) return points;
  return Array.from({ length: most }, (_, group) => {
    const start = Math.floor((group * points.length) / most);
    const members = points.slice(start, Math.floor(((group + 1) * points.length) / most));
    const mean = (field: keyof CurvePoint) => members.reduce((sum, point) => sum + point[field], 0) / members.length;
    return { step: mean("step"), value: mean("value") };
  });
}
