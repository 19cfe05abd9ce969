/**
 * @file Expected values: numpy 2.4.6, `numpy.linalg.svd` of the centred rows (U times S, S squared as shares), each axis with its
 * largest value positive.
 */
import { describe, expect, test } from "vitest";
import { gramMatrix } from "./cosines.ts";
import { principalComponents } from "./principalComponents.ts";

/** First five values of vectors of test/fixtures/tiny-encoder/golden.json, to four places. */
const vectors = [
  [0.3317, -0.0002, 0.1299, -0.1329, 0.4018],
  [0.3022, 0.0154, 0.1118, -0.1469, 0.4584],
  [0.2429, -0.0307, 0.2117, -0.2074, 0.4652],
  [0.2582, -0.0598, 0.1775, -0.1192, 0.4589],
  [0.2566, -0.0737, 0.2455, -0.1977, 0.4727],
  [0.3029, -0.0794, 0.1394, -0.1276, 0.4293],
];

function expectNear(given: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(Math.max(...given.map((value, index) => Math.abs(value - expected[index]!)))).toBeLessThan(tolerance);
}

describe("principalComponents()", () => {
  test("gives numpy's places and shares of six vectors", () => {
    const { points, shares } = principalComponents(gramMatrix(vectors));
    const expected = [
      [-0.08221423243211348, -0.010859904391098393],
      [-0.06560250823647419, -0.041481873017343025],
      [0.06958562489537656, -0.03783182256500969],
      [0.011798997487310928, 0.035219878330234815],
      [0.09891980978429658, 0.00295384730517775],
      [-0.03248769149839657, 0.05199987433803856],
    ];
    for (const [row, point] of points.entries()) expectNear(point, expected[row]!, 1e-9);
    expectNear(shares, [0.7066165784199586, 0.18984500860456552], 1e-9);
  });

  test("gives numpy's places and shares of 60 vectors with seven axes, none of which stands out", () => {
    const rows = Array.from({ length: 60 }, (_, row) =>
      [0, 1, 2, 3, 4, 5, 6].map((column) => ((row * 31 + column * 17) % 23) - 11 + (column === 0 ? (row % 5) * 3 : 0)),
    );
    const { points, shares } = principalComponents(gramMatrix(rows));
    expectNear(points[0]!, [-4.303744125928319, -12.107616183627224], 1e-7);
    expectNear(points[7]!, [-8.642534986931235, 14.059327277043568], 1e-7);
    expectNear(points[59]!, [5.902951855435031, 11.469810814379269], 1e-7);
    expectNear(shares, [0.3795718193243914, 0.3224473637388529], 1e-10);
  });

  test("gives numpy's places and shares where many rounds are needed: 120 vectors, whose 50 axes are nearly alike", () => {
    const rows = Array.from({ length: 120 }, (_, i) =>
      Array.from({ length: 50 }, (__, j) => ((i * i * 7 + j * j * 13 + i * j * 3 + Math.floor((i * j) / 5)) % 31) - 15),
    );
    const { points, shares } = principalComponents(gramMatrix(rows));
    expectNear(points[0]!, [4.554222612367022, -7.637346290817205], 1e-5);
    expectNear(points[7]!, [-0.2899567265765324, -20.834047176769378], 1e-5);
    expectNear(points[119]!, [7.948994652214686, -1.1597754501322768], 1e-5);
    expectNear(shares, [0.04587672373355056, 0.044759585772721516], 1e-9);
  });

  test("keeps the distances of three vectors, whatever their length: a plane has them all", () => {
    const three = [vectors[0]!, vectors[2]!, vectors[5]!];
    const { points, shares } = principalComponents(gramMatrix(three));
    const distance = (a: readonly number[], b: readonly number[]) => Math.hypot(...a.map((value, i) => value - b[i]!));
    for (const [a, b] of [
      [0, 1],
      [0, 2],
      [1, 2],
    ] as const)
      expect(distance(points[a]!, points[b]!)).toBeCloseTo(distance(three[a]!, three[b]!), 10);
    expect(shares[0] + shares[1]).toBeCloseTo(1, 12);
  });

  test("two vectors are on a line, one is a point, and equal ones are one place", () => {
    const two = principalComponents(gramMatrix([vectors[0]!, vectors[1]!]));
    expect(two.points.map(([, y]) => Math.abs(y) < 1e-9)).toEqual([true, true]);
    expect(two.shares[0]).toBeCloseTo(1, 12);
    expect(principalComponents(gramMatrix([vectors[0]!])).shares).toEqual([0, 0]);
    const equal = principalComponents(gramMatrix([vectors[0]!, vectors[0]!, vectors[0]!]));
    expect(Math.max(...equal.points.flat().map(Math.abs))).toBeLessThan(1e-7);
  });
});
