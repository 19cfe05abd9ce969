/**
 * @file The time of day by the monotonic clock, so that spans of one process nest to the microsecond; and still the time of day when the
 * machine's clock is set, or after months.
 */

/** What the time of day may be ahead of, or behind, the monotonic clock since the process started, before the difference is taken over. */
const TOLERANCE_MS = 20;

export class TraceClock {
  #offsetMs = performance.timeOrigin;

  unixMs(monotonicMs: number): number {
    const driftMs = Date.now() - (this.#offsetMs + performance.now());
    if (Math.abs(driftMs) > TOLERANCE_MS) this.#offsetMs += driftMs;
    return this.#offsetMs + monotonicMs;
  }

  monotonicMs(unixMs: number): number {
    return unixMs - this.#offsetMs;
  }
}
