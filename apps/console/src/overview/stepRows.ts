/** @file A training step as rows of a Gantt picture, one row for each stage. */
import type { StepInterval, StepTimeline } from "./answers.ts";
import { milliseconds } from "./figures.ts";
import type { Row } from "./ganttLayout.ts";

const series: Readonly<Record<StepInterval["kind"], number>> = { forward: 1, backward: 2, update: 3 };
const letters: Readonly<Record<StepInterval["kind"], string>> = { forward: "F", backward: "B", update: "U" };

export function stepRows({ stages }: StepTimeline): Row[] {
  return stages.map((intervals, stage) => ({
    label: `stage ${stage}`,
    bars: intervals.map(({ kind, micro_batch: number, start_ms: start, end_ms: end }) => {
      const text = `${letters[kind]}${number ?? ""}`;
      const what = number === null ? kind : `${kind} pass of micro-batch ${number}`;
      return {
        key: `${stage} ${text}`,
        start,
        end,
        series: series[kind],
        text,
        detail: `${text}, stage ${stage}: ${what}, ${milliseconds(end - start)} from ${milliseconds(start)} on`,
      };
    }),
  }));
}

/** Milliseconds from the first pass to the end of the last update. */
export function lengthOf({ stages }: StepTimeline): number {
  return Math.max(...stages.flat().map(({ end_ms: end }) => end));
}
