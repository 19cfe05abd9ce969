/**
 * @file Learning rate by step: the `get_*_schedule_with_warmup` functions of transformers 5.23.
 *
 * The step counts from 0, as there: the first update of a run has step 0, and with a warm-up the learning rate 0.
 */
import { ScheduleError } from "../errors.ts";

export const learningRateShapes = ["linear", "cosine", "constant", "polynomial", "inverse_sqrt"] as const;
export type LearningRateShape = (typeof learningRateShapes)[number];

export type LearningRateSchedule = {
  /** What follows the warm-up. `constant` and `inverse_sqrt` never reach 0. */
  readonly shape: LearningRateShape;
  /** The learning rate at the end of the warm-up. */
  readonly peak: number;
  /** Updates of the whole run. */
  readonly totalSteps: number;
  /** Updates over which the learning rate rises from 0 in a straight line (countWarmupSteps() below). */
  readonly warmupSteps: number;
  /** Exponent of `polynomial`. Default 1. */
  readonly power?: number;
  /** Learning rate at the end of `polynomial`. Default 1e-7. */
  readonly end?: number;
};

const DEFAULT_POLYNOMIAL_END = 1e-7;
/** Timescale of `inverse_sqrt` without a warm-up. */
const INVERSE_SQRT_TIMESCALE = 10_000;

/**
 * @param step - from 0
 * @throws ScheduleError when the schedule's numbers make no sense
 */
export function learningRateAt(schedule: LearningRateSchedule, step: number): number {
  expectSchedule(schedule);
  const { shape, peak, warmupSteps } = schedule;
  return step < warmupSteps ? peak * (step / warmupSteps) : afterWarmup[shape](schedule, step);
}

const decaySteps = ({ totalSteps, warmupSteps }: LearningRateSchedule): number => Math.max(1, totalSteps - warmupSteps);

const afterWarmup: Readonly<Record<LearningRateShape, (schedule: LearningRateSchedule, step: number) => number>> = {
  linear: (schedule, step) => schedule.peak * Math.max(0, (schedule.totalSteps - step) / decaySteps(schedule)),
  cosine(schedule, step) {
    const progress = (step - schedule.warmupSteps) / decaySteps(schedule);
    return schedule.peak * Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)));
  },
  constant: ({ peak }) => peak,
  polynomial(schedule, step) {
    const { peak, totalSteps, warmupSteps, power = 1, end = DEFAULT_POLYNOMIAL_END } = schedule;
    if (step > totalSteps) return end;
    return (peak - end) * (1 - (step - warmupSteps) / decaySteps(schedule)) ** power + end;
  },
  inverse_sqrt({ peak, warmupSteps }, step) {
    const timescale = warmupSteps || INVERSE_SQRT_TIMESCALE;
    return peak / Math.sqrt((step - warmupSteps + timescale) / timescale);
  },
};

/**
 * Length of the warm-up: `steps` where it is given, else the ratio of all steps, rounded up.
 *
 * @param warmup.ratio - 0 to 1
 * @throws ScheduleError
 */
export function countWarmupSteps(
  warmup: { readonly steps?: number; readonly ratio?: number },
  totalSteps: number,
): number {
  const { steps, ratio = 0 } = warmup;
  if (steps !== undefined) return steps;
  if (!(ratio >= 0 && ratio <= 1)) {
    throw new ScheduleError(`learning rate: expected a warm-up ratio from 0 to 1, got ${ratio} (give steps instead)`);
  }
  return Math.ceil(totalSteps * ratio);
}

/** @throws ScheduleError */
function expectSchedule({ shape, peak, totalSteps, warmupSteps: warmup, end }: LearningRateSchedule): void {
  if (!(peak >= 0 && peak < Infinity)) {
    throw new ScheduleError(`learning rate: expected a number of at least 0, got ${peak}`);
  }
  for (const [name, steps] of [
    ["steps", totalSteps],
    ["warm-up steps", warmup],
  ] as const) {
    if (!Number.isInteger(steps) || steps < 0) {
      throw new ScheduleError(`learning rate: expected a whole number of ${name} of at least 0, got ${steps}`);
    }
  }
  const last = end ?? DEFAULT_POLYNOMIAL_END;
  if (shape === "polynomial" && !(last >= 0 && last < peak)) {
    throw new ScheduleError(`learning rate: expected polynomial decay to end from 0 to below ${peak}, got ${last}`);
  }
}
