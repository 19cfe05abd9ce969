import { describe, expect, test } from "vitest";
import { searchSvg, type DrawnTrial } from "./searchSvg.ts";

const trialOf = (number: number, given: Partial<DrawnTrial> = {}): DrawnTrial => ({
  number,
  label: `learning_rate ${number}e-5`,
  isBest: number === 1,
  score: 1 / number,
  runs: [
    {
      value: 1 / number,
      evaluations: [
        { step: 5, value: 0.1 },
        { step: 10, value: 1 / number },
      ],
      intervals: [{ start: 1000 * number, end: 1000 * number + 1500 }],
    },
  ],
  ...given,
});

type Bar = { readonly x: number; readonly y: number; readonly width: number };
const bars = (svg: string): Bar[] =>
  [...svg.matchAll(/<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"/g)].map(([, x, y, width]) => ({
    x: Number(x),
    y: Number(y),
    width: Number(width),
  }));

describe("searchSvg()", () => {
  test("runs at the same time stand in different rows, one after another in one", () => {
    // Row by row.
    const [first, third, second] = bars(
      searchSvg({ metric: "accuracy", trials: [1, 2, 3].map((each) => trialOf(each)) }),
    );
    // 1 s to 2.5 s, 2 s to 3.5 s, 3 s to 4.5 s.
    expect(second!.y).toBeGreaterThan(first!.y);
    expect(third!.y).toBe(first!.y);
    expect(second!.x).toBeLessThan(first!.x + first!.width);
    expect(third!.x).toBeGreaterThan(first!.x + first!.width);
    expect(second!.x - first!.x).toBeCloseTo(third!.x - second!.x, 0);
  });

  test("a better score stands further to the right, in the row of its trial", () => {
    const svg = searchSvg({ metric: "accuracy", trials: [trialOf(1), trialOf(2)] });
    const dots = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)" r="5"/g)].map(([, x, y]) => [
      Number(x),
      Number(y),
    ]);
    expect(dots).toHaveLength(2);
    expect(dots[0]![0]).toBeGreaterThan(dots[1]![0]!);
    expect(dots[0]![1]).toBeLessThan(dots[1]![1]!);
  });

  test("folds have a dot each beside their mean", () => {
    const runs = [0.2, 0.4, 0.6].map((value) => ({ value, evaluations: [], intervals: [] }));
    const svg = searchSvg({ metric: "accuracy", trials: [trialOf(1, { score: 0.4, runs })] });
    const xs = (radius: string) =>
      [...svg.matchAll(/cx="([\d.]+)" cy="[\d.]+" r="([\d.]+)"/g)]
        .filter(([, , r]) => r === radius)
        .map(([, x]) => Number(x));
    const folds = xs("2.5");
    expect(folds).toHaveLength(3);
    expect(xs("5")[0]).toBeCloseTo((folds[0]! + folds[2]!) / 2, 0);
  });

  test.each([
    ["no trial", []],
    ["trials without values", [trialOf(1, { score: null, runs: [{ value: null, evaluations: [], intervals: [] }] })]],
    [
      "values that are not defined",
      [trialOf(1, { score: null, runs: [{ value: null, evaluations: [{ step: 1, value: null }], intervals: [] }] })],
    ],
    [
      "one value",
      [trialOf(1, { runs: [{ value: 1, evaluations: [{ step: 1, value: 1 }], intervals: [{ start: 5, end: 5 }] }] })],
    ],
  ])("draws %s without a number that is none", (_, trials) => {
    expect(searchSvg({ metric: "accuracy", trials })).not.toMatch(/NaN|Infinity|undefined|null/);
  });

  test("names are text, and long ones are cut", () => {
    const svg = searchSvg({ metric: "a<b", trials: [trialOf(1, { label: `<&${"x".repeat(100)}` })] });
    expect(svg).toContain("a&lt;b");
    expect(svg).toMatch(/1 {2}&lt;&amp;x+…</);
  });
});
