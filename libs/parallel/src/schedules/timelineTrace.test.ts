import { describe, expect, test } from "vitest";
import { pipelineSchedule } from "./pipelineSchedule.ts";
import { simulateSchedule } from "./simulateSchedule.ts";
import { timelineTrace } from "./timelineTrace.ts";

const { timeline } = simulateSchedule(pipelineSchedule("1f1b", { numStages: 2, numMicroBatches: 1 }), {
  forwardSeconds: [0.001, 0.001],
  backwardSeconds: [0.002, 0.002],
  links: [{ latencySeconds: 0.0005, sendSeconds: 0 }],
  updateSeconds: [0.001, 0.001],
});

describe("timelineTrace()", () => {
  test("has complete events in microseconds, one thread per stage", () => {
    const { traceEvents } = timelineTrace([timeline]);
    expect(traceEvents.filter(({ ph }) => ph === "X")).toEqual([
      { ph: "X", name: "forward 0", cat: "forward", pid: 0, tid: 0, ts: 0, dur: 1000 },
      { ph: "X", name: "backward 0", cat: "backward", pid: 0, tid: 0, ts: 5000, dur: 2000 },
      { ph: "X", name: "update", cat: "update", pid: 0, tid: 0, ts: 7000, dur: 1000 },
      { ph: "X", name: "forward 0", cat: "forward", pid: 0, tid: 1, ts: 1500, dur: 1000 },
      { ph: "X", name: "backward 0", cat: "backward", pid: 0, tid: 1, ts: 2500, dur: 2000 },
      { ph: "X", name: "update", cat: "update", pid: 0, tid: 1, ts: 7000, dur: 1000 },
    ]);
  });

  test("has each frame as a pair of asynchronous events with an id of its own", () => {
    const frames = timelineTrace([timeline]).traceEvents.filter(({ cat }) => cat === "link");
    expect(frames.map(({ ph, id, ts }) => [ph, id, ts])).toEqual([
      ["b", "0.0.forward.0", 1000],
      ["e", "0.0.forward.0", 1500],
      ["b", "0.0.backward.0", 4500],
      ["e", "0.0.backward.0", 5000],
    ]);
  });

  test("keeps planned and measured apart as processes, with names", () => {
    const { traceEvents } = timelineTrace([timeline, { ...timeline, name: "measured" }]);
    const names = traceEvents
      .filter(({ name }) => name === "process_name")
      .map(({ pid, args }) => [pid, args!["name"]]);
    expect(names).toEqual([
      [0, "1f1b"],
      [1, "measured"],
    ]);
    expect(new Set(traceEvents.filter(({ cat }) => cat === "link").map(({ id }) => id)).size).toBe(4);
  });
});
