/** @file The micro-batches that this page has seen so far: each second it asks for the last few only. */
import type { MicroBatch, Timeline } from "./answers.ts";

/** What to ask for so that nothing is missed, and a little more: all that there is at first. */
export function secondsToAsk(known: Timeline | undefined, msSinceThen: number): number {
  return known === undefined ? 600 : Math.min(600, Math.ceil(msSinceThen / 1000) + 3);
}

/** What is known and what has come, the oldest first and no more than the server keeps. */
export function mergeSeen(known: Timeline | undefined, come: Timeline): Timeline {
  const last = known?.micro_batches.at(-1);
  const isAnother = last !== undefined && restarted(last, come.micro_batches);
  const before = isAnother ? [] : (known?.micro_batches ?? []);
  const newest = before.at(-1)?.number ?? 0;
  const fresh = come.micro_batches.filter(({ number }) => number > newest);
  return { ...come, micro_batches: [...before, ...fresh].slice(-come.capacity) };
}

/** Another server counts from 1 again. */
function restarted(last: MicroBatch, come: readonly MicroBatch[]): boolean {
  return come.some(({ number, received_at: at }) => number <= last.number && at > last.received_at);
}
