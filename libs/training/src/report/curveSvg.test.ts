import { describe, expect, test } from "vitest";
import { axisTicks } from "./axisTicks.ts";
import { curveSvg, type CurvePanel } from "./curveSvg.ts";
import { learningCurve } from "./learningCurve.ts";
import { thinPoints } from "./thinPoints.ts";

const panelOf = (title: string, values: readonly (number | null)[]): CurvePanel => ({
  title,
  lines: [{ name: "training", points: values.map((value, step) => ({ step, value })) }],
});

const polylines = (svg: string) => [...svg.matchAll(/<polyline points="([^"]*)"/g)].map((match) => match[1]!);

/** Relative luminance and contrast as WCAG 2.1 defines them. */
function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return channel <= 0.03928 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

function contrast(one: string, other: string): number {
  const [dark, light] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (light! + 0.05) / (dark! + 0.05);
}

describe("curveSvg()", () => {
  test("draws values from bottom to top and steps from left to right", () => {
    const [line] = polylines(curveSvg([panelOf("Loss", [0, 1, 2])]));
    const [first, second, third] = line!.split(" ").map((place) => place.split(",").map(Number));
    expect(first![0]).toBeLessThan(second![0]!);
    expect(second![1]! - third![1]!).toBeCloseTo(first![1]! - second![1]!, 5);
    expect(third![1]).toBeLessThan(first![1]!);
  });

  test("leaves out values that are not there", () => {
    const svg = curveSvg([panelOf("Loss", [1, null, NaN, 2])]);
    expect(polylines(svg)[0]!.split(" ")).toHaveLength(2);
    expect(svg).not.toContain("NaN");
  });

  test.each([
    ["no panel", []],
    ["no values", [panelOf("Loss", [])]],
    ["one value", [panelOf("Loss", [0.5])]],
    ["equal values", [panelOf("Loss", [0, 0, 0])]],
  ])("draws %s without a number that is none", (_, panels) => {
    expect(curveSvg(panels)).not.toMatch(/NaN|Infinity|undefined/);
  });

  test("keeps a name in the text that it is", () => {
    expect(curveSvg([panelOf('a<b>&"c"', [1])])).toContain(">a&lt;b&gt;&amp;&quot;c&quot;<");
  });

  test("gives a line the same colour in all panels", () => {
    const points = [{ step: 1, value: 1 }];
    const svg = curveSvg([
      { title: "Loss", lines: ["training", "validation"].map((name) => ({ name, points })) },
      { title: "Accuracy", lines: [{ name: "validation", points }] },
    ]);
    const strokes = [...svg.matchAll(/<polyline[^>]*stroke="([^"]*)"/g)].map((match) => match[1]);
    expect(strokes[2]).toBe(strokes[1]);
    expect(strokes[1]).not.toBe(strokes[0]);
  });

  test("has colours with a contrast of at least 3 on white and on near-black", () => {
    const lines = ["a", "b", "c", "d", "e"].map((name) => ({ name, points: [{ step: 1, value: 1 }] }));
    const used = new Set(curveSvg([{ title: "Loss", lines }]).match(/#[0-9a-f]{6}/g));
    expect(used.size).toBe(6);
    const least = Math.min(...[...used].flatMap((each) => [contrast(each, "#ffffff"), contrast(each, "#0d1117")]));
    expect(least).toBeGreaterThanOrEqual(3);
  });
});

describe("learningCurve()", () => {
  test("takes the columns of each panel from the rows", () => {
    const rows = [
      { step: 1, train_loss: 2 },
      { step: 2, train_loss: 1, valid_accuracy: 0.5 },
    ];
    expect(
      learningCurve(rows, { Loss: { training: "train_loss" }, Accuracy: { validation: "valid_accuracy" } }),
    ).toEqual([
      {
        title: "Loss",
        lines: [
          {
            name: "training",
            points: [
              { step: 1, value: 2 },
              { step: 2, value: 1 },
            ],
          },
        ],
      },
      {
        title: "Accuracy",
        lines: [
          {
            name: "validation",
            points: [
              { step: 1, value: undefined },
              { step: 2, value: 0.5 },
            ],
          },
        ],
      },
    ]);
  });
});

describe("axisTicks()", () => {
  test.each([
    [
      [0, 1],
      ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"],
    ],
    [
      [0.02, 2.3],
      ["0.0", "0.5", "1.0", "1.5", "2.0", "2.5"],
    ],
    [
      [-1, 3],
      ["-1", "0", "1", "2", "3"],
    ],
    [
      [0, 50_000],
      ["0", "10K", "20K", "30K", "40K", "50K"],
    ],
  ])("are round numbers that enclose %j", (values, labels) => {
    const { ticks, format } = axisTicks(values, { count: 5 });
    expect(ticks.map(format)).toEqual(labels);
    expect(ticks[0]).toBeLessThanOrEqual(values[0]!);
    expect(ticks.at(-1)).toBeGreaterThanOrEqual(values[1]!);
  });

  test("are whole numbers where that is asked for", () => {
    const { ticks, format } = axisTicks([1, 3], { count: 5, isWhole: true });
    expect(ticks.map(format)).toEqual(["1", "2", "3"]);
  });
});

describe("thinPoints()", () => {
  test("gives means of neighbours, and leaves a short line as it is", () => {
    const points = [1, 2, 3, 6].map((value, step) => ({ step, value }));
    expect(thinPoints(points, 2)).toEqual([
      { step: 0.5, value: 1.5 },
      { step: 2.5, value: 4.5 },
    ]);
    expect(thinPoints(points, 4)).toBe(points);
  });
});
