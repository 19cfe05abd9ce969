/** @file Restarts of worker processes, on a clock that the test turns and with children that end when it says. */
import type { Place } from "@stagecoach/parallel";
import type { StageWorkerSettings } from "@stagecoach/stage-worker";
import type { ChildProcess } from "node:child_process";
import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Supervisor } from "./supervisor.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

class FakeChild extends EventEmitter {
  readonly stderr = new PassThrough();
  readonly pid: number;
  readonly settings: StageWorkerSettings;
  exitCode: number | null = null;
  signalCode: string | null = null;
  readonly signals: string[] = [];

  constructor(pid: number, settings: StageWorkerSettings) {
    super();
    this.pid = pid;
    this.settings = settings;
  }

  kill(signal: string): void {
    this.signals.push(signal);
    this.signalCode = signal;
    this.emit("exit", null, signal);
  }

  end(exitCode: number): void {
    this.exitCode = exitCode;
    this.emit("exit", exitCode, null);
  }
}

function supervise(places: readonly Place[]) {
  const children: FakeChild[] = [];
  const restarts: Place[] = [];
  const supervisor = new Supervisor({
    places,
    settings: {
      join: "ws://gateway",
      token: "t",
      listenHost: "127.0.0.1",
      listenPort: 0,
      advertise: null,
      modelFolder: "m",
      traces: false,
    },
    log: pino({ level: "silent" }),
    onRestart: (place) => restarts.push(place),
    launch(settings) {
      const child = new FakeChild(1000 + children.length, settings);
      children.push(child);
      return child as unknown as ChildProcess;
    },
  });
  supervisor.start();
  return { supervisor, children, restarts };
}

const first: Place = { replica: 0, stage: 0 };
const second: Place = { replica: 0, stage: 1 };

/** Milliseconds from the end of the newest child to the start of the next. */
function pauseAfter(children: FakeChild[], livedMs: number): number {
  vi.advanceTimersByTime(livedMs);
  const count = children.length;
  children.at(-1)!.end(1);
  for (let pauseMs = 0; pauseMs <= 60_000; pauseMs += 50) {
    vi.advanceTimersByTime(pauseMs === 0 ? 0 : 50);
    if (children.length > count) return pauseMs;
  }
  throw new Error("no other child was started");
}

describe("Supervisor", () => {
  test("one child that keeps ending is followed after 250 ms, then after twice as long each time, and after at most 10 s", () => {
    const { children, restarts } = supervise([first]);
    const pauses = Array.from({ length: 8 }, () => pauseAfter(children, 100));
    expect(pauses).toEqual([250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
    expect(restarts).toEqual(pauses.map(() => first));
  });

  test("one that had started well is followed at once, and pauses begin anew", () => {
    const { children } = supervise([first]);
    expect(pauseAfter(children, 100)).toBe(250);
    expect(pauseAfter(children, 100)).toBe(500);
    expect(pauseAfter(children, 10_001)).toBe(0);
    expect(pauseAfter(children, 100)).toBe(250);
  });

  test("each place has pauses of its own, and a worker with a number of its own", () => {
    const { supervisor, children, restarts } = supervise([first, second]);
    children[0]!.end(1);
    vi.advanceTimersByTime(250);
    children[2]!.end(1);
    children[1]!.end(1);
    vi.advanceTimersByTime(250);
    expect(restarts).toEqual([first, first, second]);
    expect(supervisor.pids()).toEqual([{ place: second, pid: 1003 }]);
    vi.advanceTimersByTime(250);
    expect(supervisor.pids().map(({ place }) => place)).toEqual([first, second]);
    const names = children.map(({ settings }) => settings.child?.workerId);
    expect(names).toEqual(["r0s0-1", "r0s1-2", "r0s0-3", "r0s1-4", "r0s0-5"]);
  });

  test("after stop() none is started, not even one that was waited for", async () => {
    const { supervisor, children, restarts } = supervise([first, second]);
    children[0]!.end(1);
    const stopped = supervisor.stop(1000);
    children[1]!.end(0);
    await stopped;
    vi.advanceTimersByTime(60_000);
    expect([children.length, restarts.length]).toEqual([2, 1]);
  });

  test("stop() kills what does not end in time", async () => {
    const { supervisor, children } = supervise([first]);
    const stopped = supervisor.stop(1000);
    vi.advanceTimersByTime(999);
    expect(children[0]!.signals).toEqual([]);
    vi.advanceTimersByTime(1);
    await stopped;
    expect(children[0]!.signals).toEqual(["SIGKILL"]);
  });

  test("killIfOurs() ends the child of that name, and no other", () => {
    const { supervisor, children } = supervise([first, second]);
    supervisor.killIfOurs("w-from-elsewhere");
    supervisor.killIfOurs("r0s1-2");
    expect(children.map(({ signals }) => signals)).toEqual([[], ["SIGKILL"]]);
  });
});
