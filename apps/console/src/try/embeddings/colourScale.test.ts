import { describe, expect, test } from "vitest";
import { colourOf, contrast, stretched, textColourOn } from "./colourScale.ts";

describe.each(["light", "dark"] as const)("the scale in the %s", (scheme) => {
  const values = Array.from({ length: 201 }, (_, index) => index / 100 - 1);

  test("numbers can be read on every colour of it: WCAG asks for 4.5", () => {
    const worst = Math.min(
      ...values.map((value) => contrast(colourOf(value, scheme), textColourOn(colourOf(value, scheme)))),
    );
    expect(worst).toBeGreaterThanOrEqual(4.5);
  });

  test("more similar is never nearer to the middle: each side goes one way", () => {
    const fromMiddle = (value: number) =>
      colourOf(value, scheme).reduce((total, channel, index) => {
        return total + Math.abs(channel - colourOf(0, scheme)[index]!);
      }, 0);
    for (const value of values.filter((each) => each >= 0 && each < 1)) {
      expect(fromMiddle(value + 0.01)).toBeGreaterThanOrEqual(fromMiddle(value));
      expect(fromMiddle(-value - 0.01)).toBeGreaterThanOrEqual(fromMiddle(-value));
    }
  });
});

test("contrast() of black on white is 21, of grey 119 on white 4.48 (WebAIM's checker)", () => {
  expect(contrast([0, 0, 0], [255, 255, 255])).toBeCloseTo(21, 10);
  expect(contrast([119, 119, 119], [255, 255, 255])).toBeCloseTo(4.48, 2);
});

test("stretched() puts the ends of a range at the ends of the scale", () => {
  expect([0.6, 0.7, 0.8].map((value) => stretched(value, [0.6, 0.8]))).toEqual([-1, expect.closeTo(0, 12), 1]);
  expect(stretched(0.5, [0.5, 0.5])).toBe(0.5);
});
