import { describe, expect, test } from "vitest";
import { closeReason } from "./socket.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text).length;

describe("closeReason()", () => {
  test("leaves what fits as it is", () => {
    expect(closeReason("the pipeline is formed anew")).toBe("the pipeline is formed anew");
    expect(closeReason("x".repeat(123))).toBe("x".repeat(123));
  });

  test.each([1, 2, 3, 4, 5])("cuts between letters, never within one (%i letters too many)", (more) => {
    for (const letter of ["x", "\u00e9", "\u4e2d", "\u{1f600}"]) {
      const reason = "a".repeat(120) + letter.repeat(more + 3);
      const cut = closeReason(reason);
      expect(bytesOf(cut)).toBeLessThanOrEqual(123);
      expect(bytesOf(cut)).toBeGreaterThan(123 - bytesOf(letter));
      expect(reason.startsWith(cut)).toBe(true);
    }
  });
});
