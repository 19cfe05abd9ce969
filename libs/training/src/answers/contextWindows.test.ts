import { TruncationError } from "@stagecoach/tokenizer";
import { describe, expect, test } from "vitest";
import { tinyTokenizer } from "../data/testing/tinyTokenizer.ts";
import { contextWindows, countContextWindows } from "./contextWindows.ts";

const tokenizer = tinyTokenizer(["who", "one", "two", "three", "##s"]);
const text = { question: "who", context: "one twos three one two" };

describe("contextWindows()", () => {
  test("repeats the question, shares the stride, and places the context's tokens only", () => {
    const windows = contextWindows(tokenizer, text, { maxLength: 8, stride: 2 });
    expect(windows.map(({ encoding }) => encoding.tokens.join(" "))).toEqual([
      "[CLS] who [SEP] one two ##s three [SEP]",
      "[CLS] who [SEP] ##s three one two [SEP]",
    ]);
    // [CLS] who [SEP], ##s three one two, [SEP].
    const places = [
      [-1, -1, -1, -1, -1, -1],
      [7, 8, 9, 14, 15, 18, 19, 22],
      [-1, -1],
    ];
    expect([...windows[1]!.offsets]).toEqual(places.flat());
  });

  test("throws where the question leaves no room for more than the stride", () => {
    expect(() => contextWindows(tokenizer, text, { maxLength: 8, stride: 4 })).toThrow(TruncationError);
  });
});

test("countContextWindows() counts what contextWindows() makes, and what it would never end", () => {
  for (const length of [1, 3, 4, 5, 6, 7, 20]) {
    const long = { question: "who who", context: Array(length).fill("one").join(" ") };
    for (const stride of [0, 1, 2, 3]) {
      const options = { maxLength: 9, stride };
      expect(countContextWindows(tokenizer, long, options)).toBe(contextWindows(tokenizer, long, options).length);
    }
    expect(countContextWindows(tokenizer, long, { maxLength: 9, stride: 4 })).toBe(length <= 4 ? 1 : Infinity);
  }
});
