import { expect, test } from "vitest";
import { confusedPairs } from "./confusedPairs.ts";

test("confusedPairs() lists what is off the diagonal, the most frequent first", () => {
  expect(
    confusedPairs(
      ["a", "b"],
      [
        [5, 1],
        [3, 0],
      ],
    ),
  ).toEqual([
    { expected: "b", predicted: "a", count: 3 },
    { expected: "a", predicted: "b", count: 1 },
  ]);
});
