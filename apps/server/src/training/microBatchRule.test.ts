import { cutMicroBatches } from "@stagecoach/training";
import { describe, expect, test } from "vitest";
import { microBatchRule } from "./microBatchRule.ts";

/** all-MiniLM-L6-v2: one more micro-batch is worth 44,237 pairs of tokens. */
const sizes = { hiddenSize: 384, intermediateSize: 1536, numHeads: 12 };
const MAX_TOKENS = 16 * 128;

function cut(lengths: readonly number[], count: number | "by-length", accumulation = 1): number[][] {
  const settings = { micro_batches: count, gradient_accumulation_steps: accumulation };
  const groups = cutMicroBatches(lengths, microBatchRule(sizes, settings, MAX_TOKENS));
  return groups.map((group) => group.map((index) => lengths[index]!));
}

describe("microBatchRule()", () => {
  test("leaves texts of one length together", () => {
    const lengths = Array.from({ length: 16 }, () => 128);
    expect(cut(lengths, "by-length")).toEqual([lengths]);
  });

  test("cuts off a few long texts, whose padding costs more than another micro-batch", () => {
    // Together 16 * 128^2 = 262,144 pairs; apart 12 * 40^2 + 4 * 128^2 = 84,736 and 44,237 for the second one.
    const [short, long] = [Array.from({ length: 12 }, () => 40), Array.from({ length: 4 }, () => 128)];
    expect(cut([...long, ...short], "by-length")).toEqual([short, long]);
  });

  test("leaves them where they cost less", () => {
    // Together 16 * 56^2 = 50,176 pairs; apart at least 12 * 40^2 + 4 * 56^2 = 31,744 and 44,237 for the second one.
    const lengths = Array.from({ length: 16 }, (_, index) => (index < 12 ? 40 : 56));
    expect(cut(lengths, "by-length")).toEqual([lengths]);
  });

  test("has no micro-batch of more tokens than a batch can have, however many batches a step adds up", () => {
    const lengths = Array.from({ length: 32 }, () => 128);
    expect(cut(lengths, "by-length", 2).map((group) => group.length)).toEqual([16, 16]);
  });

  test("gives as many as were asked for, of each batch that a step adds up", () => {
    const lengths = Array.from({ length: 16 }, () => 128);
    expect(cut(lengths, 2, 4)).toHaveLength(8);
  });
});
