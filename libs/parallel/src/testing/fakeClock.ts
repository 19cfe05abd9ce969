/** @file A clock that stands still until a test moves it. Each process of a test has its own, which can be stopped. */

type Timer = {
  dueMs: number;
  readonly everyMs: number | null;
  readonly act: () => void;
  readonly process: ProcessClock;
};

export class FakeClock {
  #nowMs = 1000;
  readonly #timers = new Set<Timer>();

  /** The clock of one process. */
  process(): ProcessClock {
    return new ProcessClock(this, this.#timers);
  }

  /** Milliseconds. */
  readonly now = (): number => this.#nowMs;

  /** Let time pass, timers going off in order; `between` is awaited after each. */
  async advance(durationMs: number, between: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    const endMs = this.#nowMs + durationMs;
    for (;;) {
      const next = [...this.#timers].filter(({ dueMs }) => dueMs <= endMs).toSorted((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined) break;
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      if (next.everyMs === null) this.#timers.delete(next);
      else next.dueMs += next.everyMs;
      // A process that stands still misses its ticks.
      if (!next.process.isFrozen) next.act();
      else if (next.everyMs === null) next.process.missed.push(next.act);
      await between();
    }
    this.#nowMs = endMs;
  }
}

export class ProcessClock {
  readonly #clock: FakeClock;
  readonly #timers: Set<Timer>;
  isFrozen = false;
  /** Timers that were due while the process stood still. */
  readonly missed: (() => void)[] = [];

  constructor(clock: FakeClock, timers: Set<Timer>) {
    this.#clock = clock;
    this.#timers = timers;
  }

  readonly now = (): number => this.#clock.now();

  readonly every = (intervalMs: number, tick: () => void): (() => void) => {
    const timer = { dueMs: this.now() + intervalMs, everyMs: intervalMs, act: tick, process: this };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  };

  readonly after = (delayMs: number, act: () => void): void => {
    this.#timers.add({ dueMs: this.now() + delayMs, everyMs: null, act, process: this });
  };

  /** Its timers that would still go off. */
  get numTimers(): number {
    return [...this.#timers].filter(({ process }) => process === this).length;
  }

  /** Go on after having stood still. */
  thaw(): void {
    this.isFrozen = false;
    for (const act of this.missed.splice(0)) act();
  }

  /** The process is dead: none of its timers goes off. */
  stop(): void {
    for (const timer of this.#timers) if (timer.process === this) this.#timers.delete(timer);
  }
}
