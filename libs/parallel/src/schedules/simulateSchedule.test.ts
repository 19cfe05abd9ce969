/**
 * Expected figures: formulas of the literature (bubble share (p-1)/(m+p-1): GPipe, section 2.3; Narayanan et al. 2021, section 2.2),
 * closed forms derived in the tests, and the longest path through the passes, computed by a recursion that knows no links or queues.
 */
import { describe, expect, test } from "vitest";
import { Random } from "../testing/random.ts";
import { executeSchedule } from "./executeSchedule.ts";
import { pipelineSchedule, scheduleNames, type ScheduleName } from "./pipelineSchedule.ts";
import type { PipelineSchedule } from "./schedule.ts";
import { simulateSchedule, type ScheduleCosts } from "./simulateSchedule.ts";

const each = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

/** Figures with three digits: half a unit of the third, and a little. */
const THREE_DIGITS = 2.9;

type Setting = { p: number; m: number; latency?: number; forward?: readonly number[] };

/** One forward pass takes 1, a backward pass 2, unless `forward` has other times per stage. */
function simulate(name: ScheduleName, { p, m, latency = 0, forward = each(p, 1) }: Setting) {
  return simulateSchedule(pipelineSchedule(name, { numStages: p, numMicroBatches: m }), {
    forwardSeconds: forward,
    backwardSeconds: forward.map((seconds) => 2 * seconds),
    links: each(p - 1, { latencySeconds: latency, sendSeconds: 0 }),
  });
}

const efficiency = (name: ScheduleName, setting: Setting) => 1 - simulate(name, setting).bubbleShare;

describe("simulateSchedule()", () => {
  test.each(scheduleNames)("%s: with equal stages and free links the bubble is (p-1)/(m+p-1)", (name) => {
    for (const p of [1, 2, 3, 4, 7]) {
      for (const m of [1, 2, 3, 4, 5, 9, 16]) {
        const { makespanSeconds, bubbleShare, busySeconds } = simulate(name, { p, m });
        expect(makespanSeconds).toBeCloseTo(3 * (m + p - 1), 9);
        expect(bubbleShare).toBeCloseTo((p - 1) / (m + p - 1), 9);
        for (const busy of busySeconds) expect(busy).toBeCloseTo(3 * m, 9);
      }
    }
  });

  test.each(scheduleNames)("%s holds exactly the activations that it declares", (name) => {
    for (const [p, m] of [
      [2, 8],
      [4, 8],
      [4, 3],
      [5, 16],
    ] as const) {
      const schedule = pipelineSchedule(name, { numStages: p, numMicroBatches: m });
      expect(simulate(name, { p, m }).activations).toEqual(schedule.activations);
    }
  });

  test.each([
    // Latency over forward time; another simulator's efficiencies, to three digits.
    { latency: 0.1, plain: 0.913, eager: 0.938 },
    { latency: 0.3, plain: 0.86, eager: 0.93 },
    { latency: 1.0, plain: 0.716, eager: 0.906 },
  ])(
    "p=2, m=16, $latency: 1F1B loses the latency in every micro-batch, eager 1F1B and GPipe twice in all",
    ({ latency, plain, eager }) => {
      const [p, m] = [2, 16];
      expect(efficiency("1f1b", { p, m, latency })).toBeCloseTo(plain, THREE_DIGITS);
      expect(efficiency("eager-1f1b", { p, m, latency })).toBeCloseTo(eager, THREE_DIGITS);
      expect(efficiency("gpipe", { p, m, latency })).toBeCloseTo(eager, THREE_DIGITS);
      expect(simulate("1f1b", { p, m, latency }).makespanSeconds).toBeCloseTo(3 * (m + 1) + m * latency, 9);
    },
  );

  test("GPipe crosses each link twice in all: (m+p-1)(F+B) + 2(p-1)c", () => {
    for (const [p, m, latency] of [
      [2, 16, 0.5],
      [4, 8, 0.3],
      [5, 3, 2],
    ] as const) {
      const expected = 3 * (m + p - 1) + 2 * (p - 1) * latency;
      expect(simulate("gpipe", { p, m, latency }).makespanSeconds).toBeCloseTo(expected, 9);
    }
  });

  test("p=4, m=16, latency 0.3: eager 1F1B turns an efficiency of .734 into .816", () => {
    expect(efficiency("1f1b", { p: 4, m: 16, latency: 0.3 })).toBeCloseTo(0.734, THREE_DIGITS);
    expect(efficiency("eager-1f1b", { p: 4, m: 16, latency: 0.3 })).toBeCloseTo(0.816, THREE_DIGITS);
  });

  test.each([
    [0.5, 0.889],
    [0.52, 0.87],
    [0.55, 0.842],
    [0.6, 0.8],
  ])("p=2, m=8: a split of %d to the rest gives an efficiency of %d", (share, expected) => {
    expect(efficiency("1f1b", { p: 2, m: 8, forward: [2 * share, 2 - 2 * share] })).toBeCloseTo(expected, THREE_DIGITS);
  });

  test("starts and ends are those of the longest path, for any times (150 random pipelines)", () => {
    const random = new Random(11);
    for (let round = 0; round < 150; round++) {
      const size = { numStages: random.whole(1, 5), numMicroBatches: random.whole(1, 9) };
      const schedule = pipelineSchedule(random.pick(scheduleNames), size);
      const costs = randomCosts(random, size);
      const { timeline } = simulateSchedule(schedule, costs);
      const endOf = longestPath(schedule, costs);
      timeline.stages.forEach((intervals, stage) => {
        for (const { kind, microBatch, endSeconds } of intervals.filter((interval) => interval.kind !== "update")) {
          expect(endSeconds).toBeCloseTo(endOf(kind as "forward" | "backward", stage, microBatch!), 9);
        }
      });
    }
  });

  test("its own credits never make a schedule wait, for any times (150 random pipelines)", () => {
    const random = new Random(12);
    for (let round = 0; round < 150; round++) {
      const size = { numStages: random.whole(2, 5), numMicroBatches: random.whole(1, 9) };
      const schedule = pipelineSchedule(random.pick(scheduleNames), size);
      const seconds = Array.from({ length: size.numStages * size.numMicroBatches * 2 }, () => random.next());
      const costs = {
        secondsOf: (stage: number, action: { kind: string; microBatch?: number }) =>
          seconds[(stage * size.numMicroBatches + (action.microBatch ?? 0)) * 2 + (action.kind === "forward" ? 0 : 1)]!,
        links: each(size.numStages - 1, { latencySeconds: random.next(), sendSeconds: random.next() }),
        commitSeconds: 0,
      };
      const unlimited = executeSchedule(schedule, { ...costs, credits: schedule.credits.map(() => Infinity) });
      expect(executeSchedule(schedule, { ...costs, credits: schedule.credits })).toEqual(unlimited);
    }
  });

  test("with one credit a stage waits until its frame was taken", () => {
    // Stage 1 is busy with micro-batch i until 2 + 10i; its receive of i + 1 is what lets stage 0 send i + 2, and go on.
    const gpipe = pipelineSchedule("gpipe", { numStages: 2, numMicroBatches: 4 });
    const costs = { forwardSeconds: [1, 10], backwardSeconds: [1, 1] };
    const starts = (schedule: PipelineSchedule) =>
      simulateSchedule(schedule, costs)
        .timeline.stages[0]!.slice(0, 4)
        .map(({ startSeconds }) => startSeconds);
    expect(starts(gpipe)).toEqual([0, 1, 2, 3]);
    // Sent 0 at 1 (taken at 1), 1 at 2 (taken at 11), 2 computed at 3 but sent at 11, so 3 starts at 11.
    expect(starts({ ...gpipe, credits: [1] })).toEqual([0, 1, 2, 11]);
  });

  test("a credit takes the link's latency on its way back", () => {
    const gpipe = pipelineSchedule("gpipe", { numStages: 2, numMicroBatches: 3 });
    const { timeline } = simulateSchedule(
      { ...gpipe, credits: [1] },
      { forwardSeconds: [1, 1], backwardSeconds: [1, 1], links: [{ latencySeconds: 3, sendSeconds: 0 }] },
    );
    // Sent 0 at 1, taken at 4, its credit is back at 7: then 1, computed at 2, is sent, and 2 starts.
    expect(timeline.stages[0]!.slice(0, 3).map(({ startSeconds }) => startSeconds)).toEqual([0, 1, 7]);
  });

  test("frames queue for a link that takes as long to send as the stages to compute", () => {
    // Forward frames leave at 1, 2, 3 and need the link for 2 each: they arrive at 3, 5, 7.
    const { timeline } = simulateSchedule(pipelineSchedule("gpipe", { numStages: 2, numMicroBatches: 3 }), {
      forwardSeconds: [1, 1],
      backwardSeconds: [1, 1],
      links: [{ latencySeconds: 0, sendSeconds: 2 }],
    });
    expect(timeline.stages[1]!.slice(0, 3).map(({ startSeconds }) => startSeconds)).toEqual([3, 5, 7]);
    expect(timeline.transfers.slice(0, 3)).toEqual([
      { direction: "forward", link: 0, microBatch: 0, startSeconds: 1, endSeconds: 3 },
      { direction: "forward", link: 0, microBatch: 1, startSeconds: 2, endSeconds: 5 },
      { direction: "forward", link: 0, microBatch: 2, startSeconds: 3, endSeconds: 7 },
    ]);
  });

  test("updates begin together, when the last stage has done its last backward pass and the step is committed", () => {
    const { timeline, makespanSeconds } = simulateSchedule(
      pipelineSchedule("1f1b", { numStages: 2, numMicroBatches: 2 }),
      {
        forwardSeconds: [1, 1],
        backwardSeconds: [2, 2],
        updateSeconds: [4, 5],
        commitSeconds: 0.5,
      },
    );
    // (2 + 1) * 3 = 9 for the passes.
    expect(timeline.stages.map((intervals) => intervals.at(-1))).toEqual([
      { kind: "update", microBatch: null, startSeconds: 9.5, endSeconds: 13.5 },
      { kind: "update", microBatch: null, startSeconds: 9.5, endSeconds: 14.5 },
    ]);
    expect(makespanSeconds).toBe(14.5);
  });

  test.each([
    [{ forwardSeconds: [1] }, "forwardSeconds: expected 2 entries, got 1"],
    [{ backwardSeconds: [1, 1, 1] }, "backwardSeconds: expected 2 entries, got 3"],
    [{ forwardSeconds: [1, [1]] }, "seconds per micro-batch: expected 3 entries, got 1"],
    [{ updateSeconds: [1] }, "updateSeconds: expected 2 entries, got 1"],
    [{ links: [] }, "links: expected 1 entries, got 0"],
    [{ forwardSeconds: [1, -1] }, "expected times of at least 0 seconds, got -1"],
    [{ commitSeconds: Number.NaN }, "expected times of at least 0 seconds, got NaN"],
    [{ links: [{ latencySeconds: Infinity, sendSeconds: 0 }] }, "expected times of at least 0 seconds, got Infinity"],
  ])("costs %j are refused", (change, message) => {
    const costs: ScheduleCosts = { forwardSeconds: [1, 1], backwardSeconds: [2, 2], ...change };
    const schedule = pipelineSchedule("1f1b", { numStages: 2, numMicroBatches: 3 });
    expect(() => simulateSchedule(schedule, costs)).toThrow(`simulateSchedule: ${message}`);
  });

  test("a schedule that is not sound is refused before anything is simulated", () => {
    const schedule = pipelineSchedule("1f1b", { numStages: 1, numMicroBatches: 2 });
    const broken = { ...schedule, stages: [schedule.stages[0]!.slice(1)] };
    expect(() => simulateSchedule(broken, { forwardSeconds: [1], backwardSeconds: [1] })).toThrow(
      "lintSchedule: stage 0",
    );
  });
});

type Size = { readonly numStages: number; readonly numMicroBatches: number };

function randomCosts(random: Random, { numStages, numMicroBatches }: Size) {
  const times = () =>
    Array.from({ length: numStages }, () => Array.from({ length: numMicroBatches }, () => random.next()));
  const links = Array.from({ length: numStages - 1 }, () => ({ latencySeconds: random.next(), sendSeconds: 0 }));
  return { forwardSeconds: times(), backwardSeconds: times(), links };
}

/** End of a pass: the later of its predecessor on the stage and of its input's arrival, plus its own time. */
function longestPath(schedule: PipelineSchedule, costs: ReturnType<typeof randomCosts>) {
  const known = new Map<string, number>();
  const passes = schedule.stages.map((actions) =>
    actions.flatMap((action) =>
      action.kind === "forward" || action.kind === "backward"
        ? [{ kind: action.kind, microBatch: action.microBatch }]
        : [],
    ),
  );
  const endOf = (kind: "forward" | "backward", stage: number, microBatch: number): number => {
    const key = `${kind} ${stage} ${microBatch}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const index = passes[stage]!.findIndex((pass) => pass.kind === kind && pass.microBatch === microBatch);
    const before = passes[stage]![index - 1];
    const free = before === undefined ? 0 : endOf(before.kind, stage, before.microBatch);
    const from = kind === "forward" ? stage - 1 : stage + 1;
    const link = costs.links[Math.min(from, stage)];
    const arrival = from < 0 || from === schedule.numStages ? 0 : endOf(kind, from, microBatch) + link!.latencySeconds;
    const own = (kind === "forward" ? costs.forwardSeconds : costs.backwardSeconds)[stage]![microBatch]!;
    const end = Math.max(free, arrival) + own;
    known.set(key, end);
    return end;
  };
  return endOf;
}
