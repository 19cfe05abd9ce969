import { describe, expect, test } from "vitest";
import { epochOrder, groupByLength } from "./epochOrder.ts";
import { fixture } from "../node/data/testing/dataFixture.ts";

const size = 500;
const lengthOf = (example: number) => 3 + ((example * 37) % 60);
const options = { seed: 3, epoch: 0, batchSize: 8, ordering: "shuffled" } as const;

describe("groupByLength()", () => {
  test.each(fixture.lengthGroups)("gives the order of transformers: batches of $batchSize", (expected) => {
    const grouped = groupByLength(
      Int32Array.from(expected.order),
      (example) => expected.lengths[example]!,
      expected.batchSize,
    );
    expect(Array.from(grouped)).toEqual(expected.grouped);
  });
});

describe("epochOrder()", () => {
  test.each(["shuffled", "by-length", "sequential"] as const)("has each example once: %s", (ordering) => {
    const order = epochOrder(size, lengthOf, { ...options, ordering });
    expect(Array.from(order).toSorted((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, i) => i));
  });

  test("is the same for the same seed and epoch, another for another", () => {
    const first = epochOrder(size, lengthOf, options);
    expect(epochOrder(size, lengthOf, options)).toEqual(first);
    expect(epochOrder(size, lengthOf, { ...options, epoch: 1 })).not.toEqual(first);
    expect(epochOrder(size, lengthOf, { ...options, seed: 4 })).not.toEqual(first);
  });
});
