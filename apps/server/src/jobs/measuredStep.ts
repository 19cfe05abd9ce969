/** @file One step of a job as its stages have measured it, and beside it the same step as its schedule would have it. */
import {
  pipelineSchedule,
  simulateSchedule,
  timelineFacts,
  type Interval,
  type ScheduleName,
  type Timeline,
} from "@stagecoach/parallel";

export type StageInterval = {
  readonly kind: Interval["kind"];
  /** Null for the update. */
  readonly microBatch: number | null;
  /** Milliseconds since the first stage heard of the step. */
  readonly startMs: number;
  readonly endMs: number;
};

export type MeasuredStep = {
  readonly step: number;
  readonly schedule: ScheduleName;
  /** By stage, in the order in which it did them. */
  readonly stages: readonly (readonly StageInterval[])[];
};

export type ShownTimeline = {
  /** From the start of the first pass. */
  readonly stages: MeasuredStep["stages"];
  /** Of the passes: from the start of the first to the end of the last; the update comes after it. */
  readonly passesMs: number;
  /** Share of that time that the stages spent waiting. */
  readonly bubbleShare: number;
};

export type ComparedStep = Pick<MeasuredStep, "step" | "schedule"> & {
  readonly numMicroBatches: number;
  readonly measured: ShownTimeline;
  /** Links take no time, and every pass of a stage takes the mean of what its passes took. */
  readonly ideal: ShownTimeline;
};

/** @throws ScheduleError when a stage has no pass, or all have no length */
export function compareStep({ step, schedule, stages }: MeasuredStep): ComparedStep {
  const of = (stage: number, kind: Interval["kind"]) => stages[stage]!.filter((each) => each.kind === kind);
  const numMicroBatches = of(0, "forward").length;
  const meanSeconds = (kind: Interval["kind"]) =>
    stages.map((_, stage) => {
      const own = of(stage, kind);
      return own.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0) / Math.max(1, own.length) / 1000;
    });
  const { timeline } = simulateSchedule(pipelineSchedule(schedule, { numStages: stages.length, numMicroBatches }), {
    forwardSeconds: meanSeconds("forward"),
    backwardSeconds: meanSeconds("backward"),
    updateSeconds: meanSeconds("update"),
  });
  const ideal = timeline.stages.map((intervals) =>
    intervals.map(({ kind, microBatch, startSeconds, endSeconds }): StageInterval => {
      return { kind, microBatch, startMs: startSeconds * 1000, endMs: endSeconds * 1000 };
    }),
  );
  return { step, schedule, numMicroBatches, measured: shown(stages), ideal: shown(ideal) };
}

function shown(stages: MeasuredStep["stages"]): ShownTimeline {
  const passes = stages.map((intervals) => intervals.filter(({ kind }) => kind !== "update"));
  const startMs = Math.min(...passes.flat().map((each) => each.startMs));
  const timeline: Timeline = {
    name: "passes",
    stages: passes.map((intervals) =>
      intervals.map(({ kind, microBatch, ...each }): Interval => {
        return { kind, microBatch, startSeconds: each.startMs / 1000, endSeconds: each.endMs / 1000 };
      }),
    ),
    transfers: [],
  };
  const { makespanSeconds, bubbleShare } = timelineFacts(timeline);
  return {
    stages: stages.map((intervals) =>
      intervals.map((each) => ({ ...each, startMs: each.startMs - startMs, endMs: each.endMs - startMs })),
    ),
    passesMs: makespanSeconds * 1000,
    bubbleShare,
  };
}
