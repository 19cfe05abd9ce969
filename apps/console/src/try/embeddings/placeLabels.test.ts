import { describe, expect, test } from "vitest";
import { placeLabels, type Box } from "./placeLabels.ts";

const drawing = { width: 400, height: 300, gap: 6 };

const overlap = (a: Box, b: Box) =>
  a.left < b.left + b.width && b.left < a.left + a.width && a.top < b.top + b.height && b.top < a.top + a.height;

describe("placeLabels()", () => {
  test("a label is to the right of its point, at the right edge to its left", () => {
    const [free, atEdge] = placeLabels(
      [
        [50, 50],
        [390, 200],
      ],
      [
        [80, 14],
        [80, 14],
      ],
      drawing,
    );
    expect(free).toEqual({ left: 56, top: 43, width: 80, height: 14 });
    expect(atEdge).toEqual({ left: 304, top: 193, width: 80, height: 14 });
  });

  test("of 200 labels on little room no two overlap, none leaves the drawing, and the first has its place", () => {
    const points = Array.from(
      { length: 200 },
      (_, index) => [20 + ((index * 37) % 360), 20 + ((index * 53) % 260)] as const,
    );
    const boxes = placeLabels(
      points,
      points.map(() => [60, 14]),
      drawing,
    );
    const placed = boxes.filter((box) => box !== null);
    expect(boxes[0]).not.toBeNull();
    expect(placed.length).toBeGreaterThan(5);
    expect(placed.length).toBeLessThan(200);
    for (const [index, box] of placed.entries()) {
      expect(placed.slice(index + 1).filter((other) => overlap(box, other))).toEqual([]);
      expect(Math.min(box.left, box.top)).toBeGreaterThanOrEqual(0);
      expect(box.left + box.width).toBeLessThanOrEqual(drawing.width);
      expect(box.top + box.height).toBeLessThanOrEqual(drawing.height);
    }
  });
});
