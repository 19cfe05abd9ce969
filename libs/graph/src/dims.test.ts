import { describe, expect, test } from "vitest";
import {
  bindShapes,
  broadcastAxes,
  broadcastShapes,
  normalizeAxis,
  resolveShape,
  sameSize,
  sizeOfShape,
} from "./dims.ts";
import { ShapeError } from "./errors.ts";

describe("broadcastShapes()", () => {
  test("stretches 1 on both sides and adds leading axes", () => {
    expect(broadcastShapes("add", [7, 1, 5], [3, 1])).toEqual([7, 3, 5]);
    expect(broadcastShapes("add", [], [2, 3])).toEqual([2, 3]);
  });
  test("stretches 1 to a symbol, and a symbol only to itself", () => {
    expect(broadcastShapes("add", ["T", 1], [1, "D"])).toEqual(["T", "D"]);
    expect(broadcastShapes("add", ["T"], ["T"])).toEqual(["T"]);
    expect(() => broadcastShapes("add", ["T"], ["B"])).toThrow(ShapeError);
    expect(() => broadcastShapes("add", ["T"], [3])).toThrow(ShapeError);
  });
  test("names the operation, both shapes and the axis that does not fit", () => {
    expect(() => broadcastShapes("mul", [2, 3], [4])).toThrow(
      "mul: shapes [2, 3] and [4] do not broadcast (axis 1: 3 and 4)",
    );
  });
});

describe("broadcastAxes()", () => {
  test("gives stretched and added axes", () => {
    expect(broadcastAxes([1, 5], [7, 3, 5])).toEqual([0, 1]);
    expect(broadcastAxes([7, 1, 1], [7, 3, 1])).toEqual([1]);
    expect(broadcastAxes([], [2])).toEqual([0]);
  });
});

describe("normalizeAxis()", () => {
  test("counts negative axes from the back", () => {
    expect([normalizeAxis("sum", -1, 3), normalizeAxis("sum", 0, 3)]).toEqual([2, 0]);
  });
  test.each([3, -4, 0.5])("rejects axis %d of rank 3", (axis) => {
    expect(() => normalizeAxis("sum", axis, 3)).toThrow(ShapeError);
  });
});

describe("sameSize()", () => {
  test("cancels equal symbols and compares the product of numbers", () => {
    expect(sameSize(["T", 6], ["T", 2, 3])).toBe(true);
    expect(sameSize(["B", "L", 6], ["L", "B", 6])).toBe(true);
    expect(sameSize(["T", 6], ["T", 2, 2])).toBe(false);
    expect(sameSize(["T", "T"], ["T"])).toBe(false);
  });
});

describe("sizeOfShape()", () => {
  test("is 1 for rank 0", () => {
    expect([sizeOfShape([]), sizeOfShape([2, 3, 4])]).toEqual([1, 24]);
  });
});

describe("resolveShape()", () => {
  test("puts numbers in the place of symbols", () => {
    expect(resolveShape(["T", 3], new Map([["T", 7]]))).toEqual([7, 3]);
  });
  test("rejects a symbol without a value", () => {
    expect(() => resolveShape(["T", 3], new Map())).toThrow('no input has the dimension "T"');
  });
});

const bind = (...inputs: [(number | string)[], number[]][]) =>
  bindShapes(inputs.map(([declared, actual], which) => ({ name: `x${which}`, declared, actual })));

describe("bindShapes()", () => {
  test("learns each symbol once", () => {
    expect([
      ...bind(
        [
          ["T", 3],
          [7, 3],
        ],
        [
          ["B", "T"],
          [2, 7],
        ],
      ),
    ]).toEqual([
      ["T", 7],
      ["B", 2],
    ]);
  });
  test("rejects another rank, another number, two values of a symbol, and an empty dimension", () => {
    expect(() => bind([["T", 3], [7]])).toThrow("rank 1 instead of 2");
    expect(() =>
      bind([
        ["T", 3],
        [7, 4],
      ]),
    ).toThrow("axis 1 must be 3");
    expect(() => bind([["T"], [7]], [["T"], [8]])).toThrow('"T" is 7 in another place');
    expect(() => bind([["T"], [0]])).toThrow("empty");
  });
});
