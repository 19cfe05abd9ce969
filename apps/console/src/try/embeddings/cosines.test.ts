import { describe, expect, test } from "vitest";
import { cosinesOf, entryOf, gramMatrix, nearestOf, rangeOf } from "./cosines.ts";

const angles = [0, 60, 90, 180].map((degrees) => (degrees / 180) * Math.PI);
const cosines = cosinesOf(
  gramMatrix(angles.map((angle, row) => [Math.cos(angle) * (row + 1), Math.sin(angle) * (row + 1)])),
);

describe("cosinesOf()", () => {
  test("cosines are those of the angles, whatever the lengths", () => {
    for (const [row, a] of angles.entries())
      for (const [column, b] of angles.entries())
        expect(entryOf(cosines, row, column)).toBeCloseTo(Math.cos(a - b), 12);
  });

  test("a vector of zeros is like none", () => {
    expect([
      ...cosinesOf(
        gramMatrix([
          [0, 0],
          [3, 4],
        ]),
      ).values,
    ]).toEqual([0, 0, 0, 1]);
  });
});

test("nearestOf() leaves the text itself out, and of equals takes the first", () => {
  expect(nearestOf(cosines, 0, 3)).toEqual([1, 2, 3]);
  expect(nearestOf(cosines, 3, 1)).toEqual([2]);
  const equal = cosinesOf(gramMatrix([[1], [1], [1]]));
  expect(nearestOf(equal, 1, 2)).toEqual([0, 2]);
});

test("rangeOf() is that of different texts, and all of the scale where there is one text", () => {
  const [least, most] = rangeOf(cosines);
  expect([least, most]).toEqual([expect.closeTo(-1, 12), expect.closeTo(Math.cos(Math.PI / 6), 12)]);
  expect(rangeOf(cosinesOf(gramMatrix([[1, 2]])))).toEqual([-1, 1]);
});
