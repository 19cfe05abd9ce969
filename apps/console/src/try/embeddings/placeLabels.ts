/** @file Labels beside points, so that none covers another: the first of eight places that is free, or none. */

export type Box = { readonly left: number; readonly top: number; readonly width: number; readonly height: number };
type Point = readonly [x: number, y: number];
type Size = readonly [width: number, height: number];

type Drawing = {
  readonly width: number;
  readonly height: number;
  /** Free space around each point. */
  readonly gap: number;
};

/**
 * @param points - in pixels; earlier ones have their labels first
 * @param sizes - of their labels
 * @returns the label's box for each point; null where there is no room
 */
export function placeLabels(
  points: readonly Point[],
  sizes: readonly Size[],
  { width, height, gap }: Drawing,
): (Box | null)[] {
  const taken: Box[] = points.map(([x, y]) => ({ left: x - gap, top: y - gap, width: 2 * gap, height: 2 * gap }));
  return points.map((point, index) => {
    const own = taken[index]!;
    const fits = (box: Box) =>
      box.left >= 0 &&
      box.top >= 0 &&
      box.left + box.width <= width &&
      box.top + box.height <= height &&
      taken.every((other) => other === own || !overlap(box, other));
    const box = candidates(point, sizes[index]!, gap).find(fits) ?? null;
    if (box !== null) taken.push(box);
    return box;
  });
}

/** Right, left, above, below, then the corners. */
function candidates([x, y]: Point, [width, height]: Size, gap: number): Box[] {
  const [right, left, above, below] = [x + gap, x - gap - width, y - gap - height, y + gap];
  const [middleX, middleY] = [x - width / 2, y - height / 2];
  const places: Point[] = [
    [right, middleY],
    [left, middleY],
    [middleX, above],
    [middleX, below],
    [right, above],
    [right, below],
    [left, above],
    [left, below],
  ];
  return places.map(([boxLeft, top]) => ({ left: boxLeft, top, width, height }));
}

function overlap(a: Box, b: Box): boolean {
  return a.left < b.left + b.width && b.left < a.left + a.width && a.top < b.top + b.height && b.top < a.top + a.height;
}
