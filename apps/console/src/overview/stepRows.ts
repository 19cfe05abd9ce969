/** @file A training step as rows of a Gantt picture, one row for each stage. */
import type { StepInterval, StepTimeline } from "./answers.ts";
import { milliseconds } from "./figures.ts";
import type { Row } from "./ganttLayout.ts";

const series: Readonly<Record<StepInterval["kind"], number>> = { forward: 1, backward: 2, update: 3 };
const letters: Readonly<Record<StepInterval["kind"], string>> = { forward: "F", backward: "B", update: "U" };

export function stepRows({ stages }: StepTimeline): Row[] {
  return stages.map((intervals, stage) => ({
    label: `stage ${stage}`,
    bars: intervals.map(({ kind, micro_batch: number, start_ms: start, end_ms: end }) => ({
      key: `${stage} ${kind} ${number}`,
      start,
      end,
      series: series[kind],
      text: `${letters[kind]}${number ?? ""}`,
      detail: `Stage ${stage}: ${number === null ? kind : `${kind} pass of micro-batch ${number}`}, ${milliseconds(end - start)} from ${milliseconds(start)} on`,
    })),
  }));
}

/** Milliseconds from the first pass to the end of the last update. */
export function lengthOf({ stages }: StepTimeline): number {
  return Math.max(...stages.flat().map(({ end_ms: end }) => end));
}
