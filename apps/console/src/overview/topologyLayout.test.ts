import { describe, expect, test } from "vitest";
import { layoutTopology, type Box } from "./topologyLayout.ts";

const overlaps = (a: Box, b: Box) =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

const shapes = [[1], [2], [2, 2], [4, 4, 4], [8]];

describe("layoutTopology()", () => {
  test.each(shapes.flatMap((counts) => [280, 700, 1200, 2400].map((width) => ({ counts, width }))))(
    "$counts stages, $width pixels: every box is inside of the picture, and none lies on another",
    ({ counts, width }) => {
      const { gateway, replicas, height } = layoutTopology(counts, width);
      const boxes = [gateway, ...replicas.flatMap(({ stages }) => stages)];
      expect(boxes).toHaveLength(1 + counts.reduce((a, b) => a + b));
      for (const [index, box] of boxes.entries()) {
        expect(box.x >= 0 && box.y >= 0 && box.x + box.width <= width && box.y + box.height <= height).toBe(true);
        for (const other of boxes.slice(index + 1)) expect(overlaps(box, other)).toBe(false);
      }
      for (const [replica, { links }] of replicas.entries()) expect(links).toHaveLength(counts[replica]! + 1);
    },
  );

  test("stages stand side by side where they fit, and one below the other where they do not", () => {
    const tops = (width: number) => layoutTopology([2], width).replicas[0]!.stages.map(({ y }) => y);
    expect(new Set(tops(1200)).size).toBe(1);
    expect(new Set(tops(320)).size).toBe(2);
  });

  test("without any stage there is the gateway", () => {
    expect(layoutTopology([], 600)).toMatchObject({ replicas: [], width: 600 });
  });
});
