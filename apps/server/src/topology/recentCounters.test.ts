import type { WorkerCounters } from "@stagecoach/parallel";
import { describe, expect, test } from "vitest";
import { RECENT_HEARTBEATS, RecentCounters } from "./recentCounters.ts";

const growth = (given: Partial<WorkerCounters>): WorkerCounters => ({
  microBatches: 0,
  tokens: 0,
  busySeconds: 0,
  waitingSeconds: 0,
  sendingSeconds: 0,
  bytesSent: 0,
  bytesReceived: 0,
  residentBytes: 0,
  ...given,
});

const workOf = (...given: readonly Partial<WorkerCounters>[]) => {
  const counters = new RecentCounters();
  for (const each of given) counters.add(growth(each));
  return counters.work();
};

describe("RecentCounters", () => {
  test("gives shares and rates of the time that the worker counted", () => {
    const work = workOf(
      { busySeconds: 1, waitingSeconds: 0, sendingSeconds: 0, microBatches: 4, tokens: 100, bytesSent: 1000 },
      { busySeconds: 0.2, waitingSeconds: 0.8, sendingSeconds: 0.3, microBatches: 2, tokens: 20, bytesReceived: 500 },
    );
    expect(work).toEqual({
      busy: 0.6,
      sending: 0.15,
      waiting: 0.25,
      microBatches: 3,
      tokens: 60,
      bytesSent: 500,
      bytesReceived: 250,
    });
  });

  test.each([0, 0.1, 0.4, 1, 7])(
    "shares lie between 0 and 1 and add up to 1, with %d seconds of sending",
    (sending) => {
      for (const busySeconds of [0, 0.25, 0.7, 1]) {
        const work = workOf({ busySeconds, waitingSeconds: 1 - busySeconds, sendingSeconds: sending })!;
        const shares = [work.busy, work.sending, work.waiting];
        for (const share of shares) expect(share).toBeGreaterThanOrEqual(0);
        expect(shares.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
        expect(work.busy).toBe(busySeconds);
      }
    },
  );

  test("looks back at the last heartbeats only", () => {
    const busy = Array.from({ length: RECENT_HEARTBEATS }, () => ({ busySeconds: 1 }));
    expect(workOf({ waitingSeconds: 1 }, ...busy)!.busy).toBe(1);
    expect(workOf(...busy, { waitingSeconds: 1 })!.busy).toBeCloseTo(1 - 1 / RECENT_HEARTBEATS, 12);
  });

  test("knows nothing before a heartbeat, and nothing of the worker before", () => {
    expect(workOf()).toBeNull();
    const counters = new RecentCounters();
    counters.add(growth({ busySeconds: 1, residentBytes: 5 }));
    expect(counters.residentBytes).toBe(5);
    counters.clear();
    expect([counters.work(), counters.residentBytes]).toEqual([null, null]);
  });
});
