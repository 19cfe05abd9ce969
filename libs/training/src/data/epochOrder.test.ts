import { describe, expect, test } from "vitest";
import { epochOrder, groupByLength } from "./epochOrder.ts";
import { fixture } from "./testing/fixture.ts";

const lengths = Int32Array.from({ length: 500 }, (_, i) => 3 + ((i * 37) % 60));
const options = { seed: 3, epoch: 0, batchSize: 8, ordering: "shuffled" } as const;

describe("groupByLength()", () => {
  test.each(fixture.lengthGroups)("gives the order of transformers: batches of $batchSize", (expected) => {
    const grouped = groupByLength(
      Int32Array.from(expected.order),
      Int32Array.from(expected.lengths),
      expected.batchSize,
    );
    expect(Array.from(grouped)).toEqual(expected.grouped);
  });
});

describe("epochOrder()", () => {
  test.each(["shuffled", "by-length", "sequential"] as const)("has each example once: %s", (ordering) => {
    const order = epochOrder(lengths, { ...options, ordering });
    expect(Array.from(order).toSorted((a, b) => a - b)).toEqual(Array.from(lengths.keys()));
  });

  test("is the same for the same seed and epoch, another for another", () => {
    const first = epochOrder(lengths, options);
    expect(epochOrder(lengths, options)).toEqual(first);
    expect(epochOrder(lengths, { ...options, epoch: 1 })).not.toEqual(first);
    expect(epochOrder(lengths, { ...options, seed: 4 })).not.toEqual(first);
  });
});
