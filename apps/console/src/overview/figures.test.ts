import { describe, expect, test } from "vitest";
import { bytes, bytesPerSecond, counted, duration, layerRange, milliseconds, percent, perSecond } from "./figures.ts";

describe("figures", () => {
  test.each([
    [0, "0 B"],
    [0.4, "0.4 B"],
    [999, "999 B"],
    [1000, "1 KB"],
    [12_345, "12.3 KB"],
    [90_900_000, "90.9 MB"],
    [3e15, "3,000 TB"],
    [null, "–"],
  ])("%s bytes are %s", (count, text) => expect(bytes(count)).toBe(text));

  test("rates", () => {
    expect([bytesPerSecond(2048), perSecond(3.25), perSecond(0), bytesPerSecond(null), perSecond(null)]).toEqual([
      "2.05 KB/s",
      "3.25/s",
      "0/s",
      "–",
      "–",
    ]);
  });

  test.each([
    [0, "0 %"],
    [0.004, "<1 %"],
    [0.336, "34 %"],
    [1, "100 %"],
  ])("a share of %d is %s", (share, text) => expect(percent(share)).toBe(text));

  test.each([
    [0.42, "0.42 ms"],
    [12.34, "12.3 ms"],
    [1500, "1.5 s"],
    [200_000, "3 min 20 s"],
  ])("%d ms are %s", (ms, text) => expect(milliseconds(ms)).toBe(text));

  test.each([
    [0, "0 s"],
    [59_400, "59 s"],
    [3_600_000, "1 h"],
    [90_061_000, "1 d 1 h"],
  ])("%d ms have lasted %s", (ms, text) => expect(duration(ms)).toBe(text));

  test("counts and layers", () => {
    expect([counted(1, "text"), counted(2000, "text")]).toEqual(["1 text", "2,000 texts"]);
    const ranges = [
      [0, 3],
      [3, 4],
      [4, 4],
    ] as const;
    expect(ranges.map(([start, end]) => layerRange({ start, end }))).toEqual(["layers 0–2", "layer 3", "no layer"]);
  });
});
