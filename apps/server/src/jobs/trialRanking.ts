/** @file Which trial of a search is better, which state of one is further, and what it is called. */
import { isImprovement, type SearchPoint } from "@stagecoach/training";
import type { Trial } from "./searchSchema.ts";

/** Those with a score, the best first; of equal ones that with the lower number. */
export function ranked(trials: readonly Trial[]): Trial[] {
  return trials
    .filter(({ status, score }) => status !== "failed" && score !== null)
    .toSorted((a, b) => (isBetter(a, b) ? -1 : isBetter(b, a) ? 1 : a.number - b.number));
}

const isBetter = (one: Trial, other: Trial) => isImprovement(one.metric!, { value: one.score, best: other.score });

/** Whether a trial goes on no more. */
export function isOver({ status }: Trial): boolean {
  return status === "finished" || status === "stopped" || status === "failed";
}

/** Why it cannot be trained; null where nothing is known to be wrong. */
export function errorOf({ runs }: Trial): string | null {
  return runs.find(({ error }) => error !== null)?.error ?? null;
}

/** Whether something of a trial has been kept since that a loss of its process does not undo. */
export function isFurther(now: Trial, before: Trial | null): boolean {
  const kept = ({ runs }: Trial) => runs.reduce((sum, { saved_step: step }) => sum + (step ?? 0), 0);
  const over = ({ runs }: Trial) => runs.filter(({ status }) => status === "finished" || status === "failed").length;
  return before !== null && (kept(now) > kept(before) || over(now) > over(before));
}

/** For people: `learning_rate 3e-5, batch_size 16`. */
export function shownPoint(point: SearchPoint): string {
  const shown = Object.entries(point).map(([name, value]) => `${name} ${shownValue(value)}`);
  return shown.length === 0 ? "the settings given" : shown.join(", ");
}

export const shownValue = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
