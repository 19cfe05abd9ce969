import type { MicroBatchReport } from "@stagecoach/parallel";
import { describe, expect, test } from "vitest";
import { MicroBatchRing } from "./microBatchRing.ts";

/** A micro-batch of two texts that waited for 4 and 7 ms and was in the pipeline for 20 ms; its stages took 5 ms each. */
function report(sentAt: number): MicroBatchReport {
  const timings = [0, 1].map((stage) => ({ stage, startedAt: sentAt + 1 + 8 * stage, busyMs: 5 }));
  const result = { shape: [2, 3], data: new Float32Array(6), timings, replica: 1 };
  return { texts: 2, tokens: 9, paddedTokens: 10, queueMs: [4, 7], inferenceMs: 20, result };
}

function ringAt(capacity?: number) {
  const clock = { now: 0 };
  const ring = new MicroBatchRing({ ...(capacity === undefined ? {} : { capacity }), unixNow: () => clock.now });
  /** Its result comes back at `now`. */
  const add = (now: number) => {
    clock.now = now;
    ring.add("a", report(now - 20));
  };
  return { ring, add };
}

describe("MicroBatchRing", () => {
  test("says when a micro-batch was queued and sent, from when its result came and how long each took", () => {
    const { ring, add } = ringAt();
    add(1000);
    expect(ring.since(0).microBatches).toEqual([
      {
        number: 1,
        model: "a",
        replica: 1,
        texts: 2,
        tokens: 9,
        queuedAt: 973,
        sentAt: 980,
        receivedAt: 1000,
        stages: [
          { stage: 0, startedAt: 981, endedAt: 986 },
          { stage: 1, startedAt: 989, endedAt: 994 },
        ],
      },
    ]);
  });

  test("gives what came after a moment, the oldest first", () => {
    const { ring, add } = ringAt();
    for (const now of [100, 200, 300, 400]) add(now);
    const { microBatches, isComplete } = ring.since(200);
    expect(microBatches.map(({ receivedAt }) => receivedAt)).toEqual([300, 400]);
    expect(isComplete).toBe(true);
  });

  test.each([3, 4, 5, 7, 8, 20])("keeps no more than its capacity of 4, the latest of %i", (count) => {
    const { ring, add } = ringAt(4);
    for (let number = 1; number <= count; number++) add(number);
    const { microBatches, isComplete } = ring.since(0);
    const kept = Array.from({ length: Math.min(4, count) }, (_, index) => count - Math.min(4, count) + 1 + index);
    expect(microBatches.map(({ number }) => number)).toEqual(kept);
    expect(isComplete).toBe(count <= 4);
    // What is asked for came after the oldest that is kept: nothing of it is missing.
    expect(ring.since(kept[0]!).isComplete).toBe(true);
  });

  test("has nothing before the first", () => {
    expect(ringAt().ring.since(0)).toEqual({ microBatches: [], isComplete: true });
  });
});
