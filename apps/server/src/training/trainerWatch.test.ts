import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { TrainerWatch } from "./trainerWatch.ts";

const LONG_MS = 100_000;

describe("TrainerWatch", () => {
  const giveUp = vi.fn<() => void>();
  let watch: TrainerWatch;
  beforeEach(() => {
    vi.useFakeTimers();
    giveUp.mockClear();
    watch = new TrainerWatch(giveUp);
  });
  afterEach(() => vi.useRealTimers());

  test("gives a trainer up once, after 15 s in which it said nothing", () => {
    watch.start();
    vi.advanceTimersByTime(10_000);
    watch.heard();
    vi.advanceTimersByTime(14_000);
    expect(giveUp).not.toHaveBeenCalled();
    vi.advanceTimersByTime(LONG_MS);
    expect(giveUp).toHaveBeenCalledTimes(1);
  });

  test("lets a trainer that has not begun to train, or has ended, be silent", () => {
    watch.heard();
    vi.advanceTimersByTime(LONG_MS);
    watch.start();
    watch.stop();
    vi.advanceTimersByTime(LONG_MS);
    expect(giveUp).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });
});
