import { describe, expect, test } from "vitest";
import type { MicroBatch, Timeline } from "./answers.ts";
import { mergeSeen, secondsToAsk } from "./mergeSeen.ts";

const seen = (number: number, at = number): MicroBatch => {
  const moments = { queued_at: at - 3, sent_at: at - 2, received_at: at };
  return { number, model: "a", replica: 0, texts: 1, tokens: 3, ...moments, stages: [] };
};
const timeline = (...microBatches: readonly MicroBatch[]): Timeline => ({
  now: 0,
  capacity: 4,
  micro_batches: microBatches,
});
const numbers = ({ micro_batches: all }: Timeline) => all.map(({ number }) => number);

describe("mergeSeen()", () => {
  test("what is known already comes once", () => {
    expect(numbers(mergeSeen(timeline(seen(1), seen(2)), timeline(seen(2), seen(3))))).toEqual([1, 2, 3]);
  });

  test("keeps as many as the server does, the latest", () => {
    const known = timeline(seen(1), seen(2), seen(3));
    expect(numbers(mergeSeen(known, timeline(seen(4), seen(5))))).toEqual([2, 3, 4, 5]);
  });

  test("an answer without any changes nothing", () => {
    expect(numbers(mergeSeen(timeline(seen(1)), timeline()))).toEqual([1]);
    expect(numbers(mergeSeen(undefined, timeline()))).toEqual([]);
  });

  test("after a restart of the server, which counts from 1 again, what was before is gone", () => {
    expect(numbers(mergeSeen(timeline(seen(7), seen(8)), timeline(seen(1, 20), seen(2, 21))))).toEqual([1, 2]);
  });
});

test("secondsToAsk(): all at first, then what has passed and a little more", () => {
  const none = timeline();
  expect([secondsToAsk(undefined, 0), secondsToAsk(none, 1000), secondsToAsk(none, 1e9)]).toEqual([600, 4, 600]);
});
