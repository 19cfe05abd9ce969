/** @file Where the time of steps goes, stage by stage: forward, backward, waiting, all else. */
import type { StepReport } from "@stagecoach/training";
import { stagePhases, type StageSeconds } from "../jobs/jobNumbers.ts";

/** Of one step. What a stage neither computes nor waits for it spends, as all do, on the step's batch, its log and its update. */
export function stageSeconds({ seconds, stages }: Pick<StepReport, "seconds" | "stages">): StageSeconds[] {
  return stages.map(({ forward, backward, idle: waiting }) => {
    const other = Math.max(0, seconds - forward - backward - waiting);
    return { forward, backward, waiting, other };
  });
}

/** Of several steps, or of several stages. */
export function sumOfSeconds(given: readonly StageSeconds[]): StageSeconds {
  const sums = stagePhases.map((phase) => [phase, given.reduce((sum, each) => sum + each[phase], 0)] as const);
  return Object.fromEntries(sums) as StageSeconds;
}
