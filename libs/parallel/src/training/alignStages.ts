/** @file Times of one step that each stage has measured by itself, on one scale. */
import type { TrainingAnswerOf, TrainingInterval } from "./trainingMessages.ts";

/** `heardAt` in Unix milliseconds; intervals in milliseconds since then. */
export type MeasuredStage = Pick<TrainingAnswerOf<"accumulated">, "heardAt" | "intervals">;

/**
 * How many milliseconds after the first each stage heard of the step, so that its times can be moved by that.
 *
 * By the clock: stages of one machine have the same. Where clocks differ, by as little as makes every forward pass begin after that of
 * the stage before has ended, and every backward pass end before that of the stage before begins: between these two, as in the Network
 * Time Protocol (RFC 5905), lies the time that the links took.
 */
export function heardLater(stages: readonly MeasuredStage[]): number[] {
  const later = [0];
  for (const [stage, { heardAt, intervals }] of stages.entries()) {
    if (stage === 0) continue;
    const before = stages[stage - 1]!;
    const byClock = later[stage - 1]! + heardAt - before.heardAt;
    const gaps = (kind: TrainingInterval["kind"], gap: (own: TrainingInterval, other: TrainingInterval) => number) => {
      const others = passesOf(before, kind);
      return [...passesOf({ intervals }, kind)].flatMap(([microBatch, own]) => {
        const other = others.get(microBatch);
        return other === undefined ? [] : [later[stage - 1]! + gap(own, other)];
      });
    };
    const least = Math.max(...gaps("forward", (own, other) => other.endMs - own.startMs));
    const most = Math.min(...gaps("backward", (own, other) => other.startMs - own.endMs));
    later.push(Math.max(least, Math.min(most, byClock)));
  }
  const first = Math.min(...later);
  return later.map((each) => each - first);
}

/** By micro-batch: a step may have thousands of them. */
function passesOf(
  { intervals }: Pick<MeasuredStage, "intervals">,
  kind: TrainingInterval["kind"],
): ReadonlyMap<number, TrainingInterval> {
  return new Map(intervals.filter((each) => each.kind === kind).map((each) => [each.microBatch, each]));
}
