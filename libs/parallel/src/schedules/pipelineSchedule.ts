/**
 * @file The three schedules: GPipe, 1F1B, and 1F1B with a longer warm-up.
 *
 * They differ in one number per stage, the forward passes before the first backward one. After that warm-up a stage alternates one
 * backward and one forward pass. All backward passes run in the order of the micro-batches, so gradients are summed in the same order
 * and the three give the same bytes.
 *
 * gpipe: Huang et al. 2019 (arXiv 1811.06965). 1f1b: PipeDream-Flush, Narayanan et al. 2021 (arXiv 2006.09503; figures 3 and 4 of
 * arXiv 2104.04473). eager-1f1b: twice the warm-up, which hides the latency of links (Zhuang et al. 2022, arXiv 2211.05322).
 */
import { ScheduleError } from "../errors.ts";
import type { Action, PipelineSchedule } from "./schedule.ts";

export const scheduleNames = ["gpipe", "1f1b", "eager-1f1b"] as const;
export type ScheduleName = (typeof scheduleNames)[number];

export type ScheduleSize = { readonly numStages: number; readonly numMicroBatches: number };

/** Forward passes of stage `s` before its first backward pass, which are also the most activations that it ever holds. */
const warmUps: Record<ScheduleName, (s: number, size: ScheduleSize) => number> = {
  gpipe: (_s, { numMicroBatches: m }) => m,
  "1f1b": (s, { numStages: p, numMicroBatches: m }) => Math.min(m, p - s),
  "eager-1f1b": (s, { numStages: p, numMicroBatches: m }) => Math.min(m, 2 * (p - s) - 1),
};

/**
 * Every number of micro-batches works, also fewer than stages.
 *
 * Credits of link `s` are the activations of stage `s`: a frame on the link, either way, belongs to a micro-batch whose activations
 * stage `s` holds, so with that many credits no send ever waits for one.
 *
 * @throws ScheduleError when the name is unknown, or a number is not whole or below 1
 */
export function pipelineSchedule(name: ScheduleName, size: ScheduleSize): PipelineSchedule {
  const { numStages, numMicroBatches } = size;
  if (!scheduleNames.includes(name)) {
    throw new ScheduleError(
      `pipelineSchedule: expected one of ${scheduleNames.join(", ")}, got ${JSON.stringify(name)}`,
    );
  }
  for (const [what, count] of Object.entries({ numStages, numMicroBatches })) {
    if (!Number.isInteger(count) || count < 1) {
      throw new ScheduleError(`pipelineSchedule: ${what}: expected a whole number of at least 1, got ${count}`);
    }
  }
  const activations = Array.from({ length: numStages }, (_, stage) => warmUps[name](stage, size));
  const stages = activations.map((warmUp, stage) => stageActions(warmUp, stage, size));
  return { name, numStages, numMicroBatches, stages, activations, credits: activations.slice(0, -1) };
}

function stageActions(warmUp: number, stage: number, { numStages, numMicroBatches }: ScheduleSize): Action[] {
  const hasPrevious = stage > 0;
  const hasNext = stage < numStages - 1;
  const actions: Action[] = [];
  const forward = (microBatch: number) => {
    if (hasPrevious) actions.push({ kind: "receive-forward", microBatch });
    actions.push({ kind: "forward", microBatch });
    if (hasNext) actions.push({ kind: "send-forward", microBatch });
  };
  const backward = (microBatch: number) => {
    if (hasNext) actions.push({ kind: "receive-backward", microBatch });
    actions.push({ kind: "backward", microBatch });
    if (hasPrevious) actions.push({ kind: "send-backward", microBatch });
  };
  for (let microBatch = 0; microBatch < warmUp; microBatch++) forward(microBatch);
  for (let microBatch = 0; microBatch < numMicroBatches; microBatch++) {
    backward(microBatch);
    if (warmUp + microBatch < numMicroBatches) forward(warmUp + microBatch);
  }
  actions.push({ kind: "update" });
  return actions;
}
