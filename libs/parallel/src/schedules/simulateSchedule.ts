/**
 * @file What a step will take: a schedule executed with the times that each stage needs alone.
 *
 * Stages compute at a speed that does not depend on what the others do; what they lose to each other on one machine (shared caches,
 * memory, clock) is for whoever measures the costs.
 */
import { ScheduleError } from "../errors.ts";
import { executeSchedule, type LinkCost } from "./executeSchedule.ts";
import { lintSchedule } from "./lintSchedule.ts";
import type { Action, PipelineSchedule } from "./schedule.ts";
import { timelineFacts, type Interval, type Timeline, type TimelineFacts } from "./timeline.ts";

/** The same for every micro-batch, or one number for each. */
export type PassSeconds = number | readonly number[];

export type ScheduleCosts = {
  /** Per stage. */
  readonly forwardSeconds: readonly PassSeconds[];
  /** Per stage. */
  readonly backwardSeconds: readonly PassSeconds[];
  /** Per stage; 0 when left out. */
  readonly updateSeconds?: readonly number[];
  /** Per link, for each direction; without cost when left out. */
  readonly links?: readonly LinkCost[];
  /** From the last backward pass of all stages to the first update (gradient norm, durable write); 0 when left out. */
  readonly commitSeconds?: number;
};

export type Simulation = TimelineFacts & { readonly timeline: Timeline };

/**
 * @returns intervals in seconds from the start of the step
 * @throws ScheduleError when the schedule is not sound, or costs do not fit it or are not numbers of at least 0
 */
export function simulateSchedule(schedule: PipelineSchedule, costs: ScheduleCosts): Simulation {
  lintSchedule(schedule);
  expectCosts(schedule, costs);
  const { times, transfers } = executeSchedule(schedule, {
    secondsOf: (stage, action) => secondsOf(costs, stage, action),
    links: costs.links ?? schedule.credits.map(() => ({ latencySeconds: 0, sendSeconds: 0 })),
    credits: schedule.credits,
    commitSeconds: costs.commitSeconds ?? 0,
  });
  const stages = schedule.stages.map((actions, stage) =>
    actions.flatMap((action, position): Interval[] => {
      if (action.kind === "update") return [{ kind: "update", microBatch: null, ...times[stage]![position]! }];
      if (action.kind !== "forward" && action.kind !== "backward") return [];
      return [{ kind: action.kind, microBatch: action.microBatch, ...times[stage]![position]! }];
    }),
  );
  const timeline = { name: schedule.name, stages, transfers };
  return { timeline, ...timelineFacts(timeline) };
}

function secondsOf(costs: ScheduleCosts, stage: number, action: Action): number {
  if (action.kind === "update") return costs.updateSeconds?.[stage] ?? 0;
  const seconds = (action.kind === "forward" ? costs.forwardSeconds : costs.backwardSeconds)[stage]!;
  return typeof seconds === "number" ? seconds : seconds[action.microBatch]!;
}

function expectCosts({ numStages, numMicroBatches }: PipelineSchedule, costs: ScheduleCosts): void {
  const { forwardSeconds, backwardSeconds, updateSeconds = [], links, commitSeconds = 0 } = costs;
  const expectLength = (what: string, list: readonly unknown[], length: number) => {
    if (list.length === length) return;
    throw new ScheduleError(`simulateSchedule: ${what}: expected ${length} entries, got ${list.length}`);
  };
  expectLength("forwardSeconds", forwardSeconds, numStages);
  expectLength("backwardSeconds", backwardSeconds, numStages);
  if (costs.updateSeconds !== undefined) expectLength("updateSeconds", updateSeconds, numStages);
  if (links !== undefined) expectLength("links", links, numStages - 1);
  for (const seconds of [...forwardSeconds, ...backwardSeconds]) {
    if (typeof seconds !== "number") expectLength("seconds per micro-batch", seconds, numMicroBatches);
  }
  const ofLinks = (links ?? []).flatMap(({ latencySeconds, sendSeconds }) => [latencySeconds, sendSeconds]);
  for (const seconds of [forwardSeconds, backwardSeconds, updateSeconds, ofLinks, commitSeconds].flat(2)) {
    if (seconds >= 0 && seconds < Infinity) continue;
    throw new ScheduleError(`simulateSchedule: expected times of at least 0 seconds, got ${seconds}`);
  }
}
