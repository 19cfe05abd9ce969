import { describe, expect, test } from "vitest";
import { cutMicroBatches, paddedTokens } from "./microBatches.ts";

const lengths = [40, 3, 17, 60, 5, 22, 8, 31, 12, 4, 55, 19];
const cut = (count: number) => cutMicroBatches(lengths, { count }).map((group) => group.map((i) => lengths[i]!));

/** Every way to cut a sorted list into `count` groups. */
function* allCuts(sorted: readonly number[], count: number): Generator<number[][]> {
  if (count === 1) yield [[...sorted]];
  else {
    for (let end = 1; end <= sorted.length - count + 1; end++) {
      for (const rest of allCuts(sorted.slice(end), count - 1)) yield [sorted.slice(0, end), ...rest];
    }
  }
}

describe("cutMicroBatches()", () => {
  const sorted = lengths.toSorted((a, b) => a - b);

  test.each([1, 2, 3, 4, 12])("cuts into %i groups whose costliest is as cheap as any cut allows", (count) => {
    const groups = cut(count);
    expect(groups.flat()).toEqual(sorted);
    expect(groups).toHaveLength(count);
    const costliest = (each: readonly number[][]) => Math.max(...each.map(paddedTokens));
    const best = Math.min(...Array.from(allCuts(sorted, count), costliest));
    expect(costliest(groups)).toBe(best);
  });

  test("makes fewer groups than asked for when there are fewer examples", () => {
    expect(cutMicroBatches([5, 4], { count: 4 })).toEqual([[1], [0]]);
  });
});
