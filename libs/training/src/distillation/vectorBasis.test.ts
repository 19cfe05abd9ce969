import { describe, expect, test } from "vitest";
import { findBasis, inBasis } from "./vectorBasis.ts";

/** Vectors of four numbers that lie in a plane. */
const plane = [
  [0.6, 0.8, 0, 0],
  [0, 0, 0.8, -0.6],
] as const;
const inPlane = (a: number, b: number) => plane[0].map((value, place) => a * value + b * plane[1][place]!);
const vectors = Float32Array.from([inPlane(2, 1), inPlane(-1, 3), inPlane(0.5, 0.25), inPlane(4, -1)].flat());

const dots = (flat: Float32Array, size: number) => {
  const rows = Array.from({ length: flat.length / size }, (_, row) => flat.subarray(row * size, (row + 1) * size));
  return rows.flatMap((a) => rows.map((b) => a.reduce((sum, value, place) => sum + value * b[place]!, 0)));
};

describe("findBasis()", () => {
  test("as many directions as the vectors span keep every dot product", () => {
    const reduced = inBasis(vectors, findBasis(vectors, 4, 2));
    expect(reduced).toHaveLength(8);
    const expected = dots(vectors, 4);
    dots(reduced, 2).forEach((dot, index) => expect(dot).toBeCloseTo(expected[index]!, 5));
  });

  test("one direction is the one in which the vectors are longest", () => {
    // numpy.linalg.eigh of the second moments: the largest eigenvalue over their sum is the share of all squared lengths.
    const reduced = inBasis(vectors, findBasis(vectors, 4, 1));
    const squares = (flat: Float32Array) => flat.reduce((sum, value) => sum + value ** 2, 0);
    const [a, b, c] = [2 ** 2 + 1 + 0.5 ** 2 + 16, 1 + 9 + 0.25 ** 2 + 1, 2 - 3 + 0.125 - 4];
    const largest = (a + b) / 2 + Math.sqrt(((a - b) / 2) ** 2 + c ** 2);
    expect(squares(reduced)).toBeCloseTo(largest, 4);
  });
});
