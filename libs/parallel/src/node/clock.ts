/** @file Time and chance as a Node process has them; tests hand in their own. */
import { randomBytes } from "node:crypto";
import { crc32 as zlibCrc32 } from "node:zlib";
import type { Crc32 } from "../frame.ts";

/** Milliseconds, monotonic. */
export const now = (): number => performance.now();

/** How far a clock may be from the wall's, which counts whole milliseconds, before it is set again. */
const CLOCK_SLACK_MS = 2;
let originMs = performance.timeOrigin;

/**
 * The time of day of a time of `now()`: Unix milliseconds with fractions, so that times of one process keep their distances. Follows when
 * the machine's clock is set, or has been suspended, and may go back then.
 */
export function unixMs(monotonicMs: number): number {
  const before = performance.now();
  const wall = Date.now();
  const isReadAtOnce = performance.now() - before < CLOCK_SLACK_MS;
  if (isReadAtOnce && Math.abs(wall - originMs - before) > CLOCK_SLACK_MS) originMs = wall - before;
  return originMs + monotonicMs;
}

/** The reverse, as the clock was last seen. */
export const monotonicMs = (unix: number): number => unix - originMs;

export const unixNow = (): number => unixMs(performance.now());

/** Call `tick` every `intervalMs`, until the returned function is called. The timer alone does not keep the process alive. */
export function every(intervalMs: number, tick: () => void): () => void {
  const timer = setInterval(tick, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}

export function after(delayMs: number, act: () => void): void {
  setTimeout(act, delayMs).unref();
}

/** An id that nobody can guess. */
export const newId = (): string => randomBytes(16).toString("hex");

/** CRC-32 in native code, about 5 GB/s. */
export const crc32: Crc32 = (bytes, previous = 0) => zlibCrc32(bytes, previous);
