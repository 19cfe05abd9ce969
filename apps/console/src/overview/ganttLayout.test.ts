import { describe, expect, test } from "vitest";
import { placeBars, timeTicks, type Row } from "./ganttLayout.ts";

const bar = (key: string, start: number, end: number) => ({ key, start, end, series: 1, text: key, detail: key });

describe("placeBars()", () => {
  const extent = { from: 100, to: 200, width: 1000 };

  test("a bar is where its time is, and as wide as it lasts", () => {
    const [placed] = placeBars([{ label: "stage 0", bars: [bar("a", 110, 130)] }], extent);
    expect([placed!.x, placed!.width]).toEqual([100, 200]);
  });

  test("what lies outside is left out, and what reaches over an end is cut there", () => {
    const bars = [bar("before", 10, 90), bar("left", 90, 110), bar("right", 190, 250), bar("after", 201, 300)];
    const placed = placeBars([{ label: "", bars }], extent);
    expect(placed.map(({ key, x, width }) => [key, x, width])).toEqual([
      ["left", 0, 100],
      ["right", 900, 100],
    ]);
  });

  test("the shortest can be seen, also at the very end", () => {
    const placed = placeBars([{ label: "", bars: [bar("a", 150, 150), bar("b", 200, 200)] }], extent);
    expect(placed.map(({ width }) => width)).toEqual([2, 2]);
    expect(placed.at(-1)!.x + 2).toBeLessThanOrEqual(1000);
  });

  test("bars come in the order of time, whatever their row", () => {
    const rows: Row[] = [
      { label: "stage 0", bars: [bar("0a", 110, 120), bar("0b", 120, 130)] },
      { label: "stage 1", bars: [bar("1a", 120, 125)] },
    ];
    expect(placeBars(rows, extent).map(({ key }) => key)).toEqual(["0a", "0b", "1a"]);
  });
});

describe("timeTicks()", () => {
  test.each([
    [10, 900, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
    [1000, 300, [0, 500, 1000]],
    [0.35, 400, [0, 0.1, 0.2, 0.3]],
  ])("%d ms on %d pixels", (span, width, expected) => {
    const ticks = timeTicks({ from: 7, to: 7 + span, width });
    expect(ticks.map(({ ms }) => Number(ms.toFixed(6)))).toEqual(expected);
    for (const { x } of ticks) expect(x).toBeLessThanOrEqual(width + 1e-6);
  });
});
