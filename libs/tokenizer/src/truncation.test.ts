/** @file Lengths and spans of truncation; the whole is compared with Rust in tokenizer.test.ts. */
import { describe, expect, test } from "vitest";
import { TruncationError } from "./errors.ts";
import { keptLengths, overflowSpans } from "./truncation.ts";

describe("keptLengths()", () => {
  test.each([
    [[5, 5], 20, [5, 5]],
    [[2, 9], 8, [2, 6]],
    [[9, 2], 8, [6, 2]],
    [[9, 9], 8, [4, 4]],
    [[9, 9], 7, [3, 4]],
    [[9, 8], 7, [4, 3]],
    [[3, 9], 7, [3, 4]],
    [[9, 9], 0, [0, 0]],
  ] as const)("longest_first cuts %j to %i tokens as %j", (lengths, room, kept) => {
    expect(keptLengths(lengths, room, "longest_first")).toEqual(kept);
  });

  test("only_first and only_second cut the one that they name", () => {
    expect(keptLengths([6, 3], 7, "only_first")).toEqual([4, 3]);
    expect(keptLengths([3, 6], 7, "only_second")).toEqual([3, 4]);
  });

  test("a strategy that cannot make enough room is an error", () => {
    expect(() => keptLengths([2, 9], 8, "only_first")).toThrow(TruncationError);
    expect(() => keptLengths([9], 8, "only_second")).toThrow(/needs a pair/);
    expect(keptLengths([8], 8, "only_second")).toEqual([8]);
  });
});

describe("overflowSpans()", () => {
  test("cuts from the right or from the left with tokens shared", () => {
    expect(overflowSpans(7, 3, { stride: 1, direction: "right" })).toEqual([[0, 3], [2, 5], [4, 7]]); // prettier-ignore
    expect(overflowSpans(6, 3, { stride: 1, direction: "left" })).toEqual([[3, 6], [1, 4], [0, 2]]); // prettier-ignore
  });

  test("has one span when nothing is cut, and all in the second when nothing is kept", () => {
    expect(overflowSpans(3, 3, { stride: 2, direction: "right" })).toEqual([[0, 3]]);
    expect(overflowSpans(3, 0, { stride: 0, direction: "right" })).toEqual([[0, 0], [0, 3]]); // prettier-ignore
  });

  test("refuses a stride that never gets on", () => {
    expect(() => overflowSpans(5, 2, { stride: 2, direction: "right" })).toThrow(TruncationError);
  });
});
