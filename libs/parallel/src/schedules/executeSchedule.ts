/**
 * @file Execute a schedule on paper: when each action starts and ends, or where the stages wait for each other for ever.
 *
 * The order of every list and link is fixed, so times do not depend on which stage is advanced first: one stage goes on until it
 * has to wait, then the next, until nobody can. It believes that each list is sound by itself; `lintSchedule` checks that.
 */
import { ScheduleError } from "../errors.ts";
import { describeAction, type Action, type PipelineSchedule, type TransferKind } from "./schedule.ts";

/** One direction of a link. */
export type LinkCost = {
  /** From the end of sending to the arrival; frames overlap in it. Credits take as long on their way back. */
  readonly latencySeconds: number;
  /** Time for which a frame occupies the link (bytes over bandwidth); frames queue for it. */
  readonly sendSeconds: number;
};

export type ExecutionCosts = {
  readonly secondsOf: (stage: number, action: Action) => number;
  /** Per link; the same in both directions. */
  readonly links: readonly LinkCost[];
  /** Per link and direction; Infinity when sends never wait. */
  readonly credits: readonly number[];
  /** Between the last backward pass of all stages and the first update. */
  readonly commitSeconds: number;
};

export type Times = { readonly startSeconds: number; readonly endSeconds: number };

/** A frame under way, from the moment in which its stage sent it to its arrival. */
export type Transfer = Times & {
  readonly direction: "forward" | "backward";
  readonly link: number;
  readonly microBatch: number;
};

export type Execution = {
  /** Per stage and action, in the schedule's order. */
  readonly times: readonly (readonly Times[])[];
  readonly transfers: readonly Transfer[];
};

/** One direction of one link while a schedule is executed. */
type Way = {
  readonly cost: LinkCost;
  readonly credits: number;
  readonly sent: Transfer[];
  /** When the credit of each frame that was taken is back at the sender. */
  readonly returned: number[];
  freeAt: number;
};

/** @throws ScheduleError when stages wait for each other, or a link's next frame is not the one that its receiver waits for */
export function executeSchedule(schedule: PipelineSchedule, costs: ExecutionCosts): Execution {
  const { stages, numStages } = schedule;
  const ways = { forward: openWays(costs), backward: openWays(costs) };
  const clocks = stages.map(() => 0);
  const times: Times[][] = stages.map(() => []);

  /** @returns when the action ends, or null when it has to wait for another stage */
  const attempt = (stage: number, action: Action): number | null => {
    const clock = clocks[stage]!;
    switch (action.kind) {
      case "forward":
      case "backward":
        return clock + costs.secondsOf(stage, action);
      case "send-forward":
        return send(ways.forward[stage]!, action.microBatch, { clock, link: stage, direction: "forward" });
      case "send-backward":
        return send(ways.backward[stage - 1]!, action.microBatch, { clock, link: stage - 1, direction: "backward" });
      case "receive-forward":
        return take(ways.forward[stage - 1]!, clock);
      case "receive-backward":
        return take(ways.backward[stage]!, clock);
      case "update":
        break;
    }
    return null;
  };

  let isMoving = true;
  while (isMoving) {
    isMoving = false;
    for (let stage = 0; stage < numStages; stage++) {
      for (;;) {
        const action = stages[stage]![times[stage]!.length];
        const endSeconds = action === undefined ? null : attempt(stage, action);
        if (endSeconds === null) break;
        times[stage]!.push({ startSeconds: clocks[stage]!, endSeconds });
        clocks[stage] = endSeconds;
        isMoving = true;
      }
    }
  }
  expectAllAtUpdate(schedule, times, costs);
  const startSeconds = Math.max(...clocks) + costs.commitSeconds;
  times.forEach((done, stage) =>
    done.push({ startSeconds, endSeconds: startSeconds + costs.secondsOf(stage, { kind: "update" }) }),
  );
  return { times, transfers: [...ways.forward, ...ways.backward].flatMap(({ sent }) => sent) };
}

function openWays({ links, credits }: ExecutionCosts): Way[] {
  return links.map((cost, link) => ({ cost, credits: credits[link]!, sent: [], returned: [], freeAt: 0 }));
}

type Departure = { readonly clock: number; readonly link: number; readonly direction: Transfer["direction"] };

function send(way: Way, microBatch: number, { clock, link, direction }: Departure): number | null {
  const owed = way.sent.length - way.credits;
  if (owed >= way.returned.length) return null;
  const startSeconds = owed >= 0 ? Math.max(clock, way.returned[owed]!) : clock;
  way.freeAt = Math.max(startSeconds, way.freeAt) + way.cost.sendSeconds;
  way.sent.push({ direction, link, microBatch, startSeconds, endSeconds: way.freeAt + way.cost.latencySeconds });
  return startSeconds;
}

function take(way: Way, clock: number): number | null {
  const frame = way.sent[way.returned.length];
  if (frame === undefined) return null;
  const takenAt = Math.max(clock, frame.endSeconds);
  way.returned.push(takenAt + way.cost.latencySeconds);
  return takenAt;
}

const waitsFor: Record<TransferKind, string> = {
  "send-forward": "a credit",
  "send-backward": "a credit",
  "receive-forward": "the stage before it",
  "receive-backward": "the stage after it",
};

function expectAllAtUpdate({ stages }: PipelineSchedule, times: readonly Times[][], { credits }: ExecutionCosts): void {
  const stuck = stages.flatMap((actions, stage) => {
    const position = times[stage]!.length;
    const action = actions[position]!;
    if (action.kind === "update" || action.kind === "forward" || action.kind === "backward") return [];
    const what = `stage ${stage} waits at action ${position} (${describeAction(action)}) for ${waitsFor[action.kind]}`;
    return [{ stage, position, what }];
  });
  if (stuck.length === 0) return;
  const limit = credits.every((count) => count === Infinity)
    ? "with any number of credits"
    : `with ${credits.join(", ")} credits`;
  throw new ScheduleError(`schedule: deadlock ${limit}: ${stuck.map(({ what }) => what).join("; ")}`, stuck[0]);
}
