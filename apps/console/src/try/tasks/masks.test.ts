import { describe, expect, test } from "vitest";
import { countMasks, withToken } from "./masks.ts";

describe("withToken()", () => {
  const text = "the [MASK] of a [MASK]";

  test("puts a word in the place of the mask that is meant, and leaves the other", () => {
    expect(withToken(text, "[MASK]", { index: 0, text: "layers" })).toBe("the layers of a [MASK]");
    expect(withToken(text, "[MASK]", { index: 1, text: "stage" })).toBe("the [MASK] of a stage");
  });

  test("a WordPiece that goes on with a word is joined to it, ## itself is a token", () => {
    expect(withToken(text, "[MASK]", { index: 1, text: "##t" })).toBe("the [MASK] of at");
    expect(withToken("a [MASK]", "[MASK]", { index: 0, text: "##" })).toBe("a ##");
  });

  test("a byte-level token's own space is not a second one", () => {
    expect(withToken("a <mask> b", "<mask>", { index: 0, text: " coach" })).toBe("a coach b");
  });
});

test("countMasks() counts the model's own mask only", () => {
  expect([countMasks("[MASK] a [MASK]", "[MASK]"), countMasks("[MASK]", "<mask>")]).toEqual([2, 0]);
});
