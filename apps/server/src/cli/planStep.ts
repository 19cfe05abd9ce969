/** @file The training step of `stagecoach plan --schedule`: a schedule, simulated with given, measured or modelled times. */
import {
  pipelineSchedule,
  scheduleAscii,
  scheduleSvg,
  simulateSchedule,
  timelineTrace,
  type PipelineSchedule,
  type ScheduleCosts,
  type ScheduleName,
  type Simulation,
} from "@stagecoach/parallel";
import type { Command } from "commander";
import { writeFile } from "node:fs/promises";
import { SettingsError } from "../config/loadSettings.ts";
import { whole } from "./whole.ts";

/** As commander reads them. */
export type ScheduleOptions = {
  schedule?: string;
  microBatches: string;
  forwardMs?: string;
  backwardMs?: string;
  updateMs: string;
  linkMs: string;
  svg?: string;
  trace?: string;
};

export type PlannedStep = {
  readonly schedule: PipelineSchedule;
  readonly costs: ScheduleCosts & Record<"forwardSeconds" | "backwardSeconds", readonly number[]>;
  readonly simulation: Simulation;
};

/** A backward pass computes two products of matrices where the forward pass computes one. */
const BACKWARD_PER_FORWARD = 2;

/** Flags that mean nothing without `--schedule`. */
const scheduleFlags = ["microBatches", "forwardMs", "backwardMs", "updateMs", "linkMs", "svg", "trace"] as const;

export function addScheduleOptions(command: Command): Command {
  return command
    .option("--schedule <name>", "simulate a training step: gpipe, 1f1b or eager-1f1b")
    .option("--micro-batches <n>", "micro-batches of the step", "8")
    .option("--forward-ms <ms>", "time of a forward pass: one number, or one per stage (4,5,4)")
    .option("--backward-ms <ms>", "time of a backward pass (default: twice the forward pass)")
    .option("--update-ms <ms>", "time of the update of parameters", "0")
    .option("--link-ms <ms>", "latency of the links: one number, or one per link", "0")
    .option("--svg <file>", "write the picture of the step as SVG")
    .option("--trace <file>", "write the step as a Chrome trace (for ui.perfetto.dev)");
}

/** @throws SettingsError when a flag was given that would be ignored */
export function expectNoScheduleFlags(command: Command): void {
  for (const name of scheduleFlags) {
    if (command.getOptionValueSource(name) !== "cli") continue;
    const flag = command.options.find((option) => option.attributeName() === name)!.long!;
    throw new SettingsError(
      `${flag}: expected --schedule beside it, got none (without a schedule no step is simulated)`,
    );
  }
}

/**
 * @param options - as given on the command line
 * @param stages - their number, and milliseconds of a forward pass per stage for when none are given
 * @throws SettingsError or ScheduleError for numbers and names that cannot be
 */
export function planStep(
  options: ScheduleOptions & { readonly schedule: string },
  { numStages, forwardMs }: { readonly numStages: number; readonly forwardMs: readonly number[] },
): PlannedStep {
  const schedule = pipelineSchedule(options.schedule as ScheduleName, {
    numStages,
    numMicroBatches: whole("--micro-batches", options.microBatches),
  });
  const forward = options.forwardMs === undefined ? forwardMs : listOf("--forward-ms", options.forwardMs, numStages);
  const backward =
    options.backwardMs === undefined
      ? forward.map((ms) => BACKWARD_PER_FORWARD * ms)
      : listOf("--backward-ms", options.backwardMs, numStages);
  const costs = {
    forwardSeconds: forward.map(toSeconds),
    backwardSeconds: backward.map(toSeconds),
    updateSeconds: listOf("--update-ms", options.updateMs, numStages).map(toSeconds),
    links: listOf("--link-ms", options.linkMs, numStages - 1).map((ms) => ({
      latencySeconds: toSeconds(ms),
      sendSeconds: 0,
    })),
  };
  return { schedule, costs, simulation: simulateSchedule(schedule, costs) };
}

/** @returns what was written */
export async function writePictures({ svg, trace }: ScheduleOptions, { simulation }: PlannedStep): Promise<string[]> {
  const timelines = [simulation.timeline];
  if (svg !== undefined) await writeFile(svg, scheduleSvg(timelines));
  if (trace !== undefined) await writeFile(trace, `${JSON.stringify(timelineTrace(timelines))}\n`);
  return [svg, trace].filter((path) => path !== undefined);
}

/** @param source - where the times come from, for the reader */
export function describeStep({ costs, simulation }: PlannedStep, source: string): string {
  const list = (seconds: readonly number[]) => seconds.map((each) => Number((each * 1000).toPrecision(4))).join(" ");
  const times = `forward ${list(costs.forwardSeconds)} ms, backward ${list(costs.backwardSeconds)} ms`;
  return `${scheduleAscii([simulation.timeline])}\nF forward, B backward, U update; by stage: ${times} (${source})\n`;
}

const toSeconds = (ms: number) => ms / 1000;

function listOf(flag: string, text: string, length: number): number[] {
  const numbers = text.split(",").map((each) => (each.trim() === "" ? Number.NaN : Number(each)));
  const isValid = numbers.every((each) => each >= 0 && each < Infinity);
  if (isValid && numbers.length === 1) return Array.from({ length }, () => numbers[0]!);
  if (isValid && numbers.length === length) return numbers;
  const many = length > 1 ? `, or ${length} with commas between them` : "";
  throw new SettingsError(`${flag}: expected one number of at least 0${many}, got "${text}"`);
}
