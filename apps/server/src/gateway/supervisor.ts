/**
 * @file Worker processes as children of the gateway: started, watched, started again.
 *
 * A child that had started well and ends unasked is followed at once; one that keeps ending gets growing pauses. Children have
 * process groups of their own, so that Ctrl-C in a terminal reaches the gateway alone, which lets them finish.
 */
import type { Place } from "@stagecoach/parallel";
import type { StageWorkerSettings } from "@stagecoach/stage-worker";
import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Logger } from "pino";
import { passOnLog } from "../processes/passOnLog.ts";

export type SupervisorOptions = {
  readonly places: readonly Place[];
  readonly settings: Omit<StageWorkerSettings, "child">;
  readonly log: Logger;
  readonly onRestart: (place: Place) => void;
  /** Default: a stage worker as a process of its own. */
  readonly launch?: (settings: StageWorkerSettings) => ChildProcess;
};

type Child = {
  readonly place: Place;
  process: ChildProcess | null;
  workerId: string;
  startedAt: number;
  pauseMs: number;
  restart: NodeJS.Timeout | null;
};

/** A child that lived this long had started well: the next one starts at once. */
const STABLE_MS = 10_000;
const PAUSE_MS = { first: 0, shortest: 250, longest: 10_000 };

/**
 * For glibc's malloc, which by itself keeps large blocks that were freed, in an arena for every thread: 45 MB of a stage that has
 * two lanes. An engine gets its memory in few large blocks: giving them back costs it nothing.
 */
const mallocSettings = { MALLOC_ARENA_MAX: "2", MALLOC_MMAP_THRESHOLD_: String(1 << 20) };

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #children: Child[];
  #isStopping = false;
  #nextNumber = 1;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#children = options.places.map((place) => ({
      place,
      process: null,
      workerId: "",
      startedAt: 0,
      pauseMs: PAUSE_MS.first,
      restart: null,
    }));
  }

  start(): void {
    for (const child of this.#children) this.#spawn(child);
  }

  /** Process numbers of the children that live, by place. */
  pids(): { readonly place: Place; readonly pid: number }[] {
    return this.#children.flatMap(({ place, process: child }) =>
      child?.pid === undefined ? [] : [{ place, pid: child.pid }],
    );
  }

  /** Whether a worker is one of this supervisor's children. */
  owns(workerId: string): boolean {
    return this.#children.some((child) => child.workerId === workerId);
  }

  /** A worker has lost its lease: if it is one of ours and still there (stopped, stuck), end it the hard way. */
  killIfOurs(workerId: string): void {
    this.#children.find((child) => child.workerId === workerId)?.process?.kill("SIGKILL");
  }

  /** Children have been told to stop: wait for them, at most `graceMs`, then kill. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    for (const { restart } of this.#children) if (restart !== null) clearTimeout(restart);
    const living = this.#children.flatMap(({ process: child }) => (child === null ? [] : [child]));
    const timer = setTimeout(() => living.forEach((child) => child.kill("SIGKILL")), graceMs);
    await Promise.all(
      living.map(
        (child) =>
          new Promise<void>((resolve) =>
            child.exitCode === null && child.signalCode === null ? child.once("exit", () => resolve()) : resolve(),
          ),
      ),
    );
    clearTimeout(timer);
  }

  #spawn(child: Child): void {
    if (this.#isStopping) return;
    const { settings, log, launch = launchWorker } = this.#options;
    const { replica, stage } = child.place;
    child.workerId = `r${replica}s${stage}-${this.#nextNumber++}`;
    child.startedAt = performance.now();
    const own: StageWorkerSettings = { ...settings, child: { workerId: child.workerId, seat: child.place } };
    const failed = (error: unknown) => {
      log.error({ err: error, replica, stage }, "worker could not be started");
      this.#restartLater(child, { code: null, signal: null });
    };
    let worker: ChildProcess;
    try {
      worker = launch(own);
    } catch (error) {
      return failed(error);
    }
    // No process (none allowed any more, no file descriptor left): there will be an error, and no exit.
    if (worker.pid === undefined) return void worker.once("error", failed);
    child.process = worker;
    passOnLog(worker.stderr!, log, { name: "worker", facts: child.place });
    worker.on("error", (error) => log.error({ err: error, replica, stage }, "worker could not be reached"));
    worker.on("exit", (code, signal) => {
      child.process = null;
      this.#restartLater(child, { code, signal });
    });
  }

  #restartLater(child: Child, exit: { readonly code: number | null; readonly signal: string | null }): void {
    const { log, onRestart } = this.#options;
    if (this.#isStopping) return;
    const lived = performance.now() - child.startedAt;
    child.pauseMs =
      lived > STABLE_MS ? PAUSE_MS.first : Math.min(PAUSE_MS.longest, Math.max(PAUSE_MS.shortest, child.pauseMs * 2));
    log.warn({ ...child.place, ...exit, pauseMs: child.pauseMs }, "worker ended unasked; starting another");
    onRestart(child.place);
    child.restart = setTimeout(() => this.#spawn(child), child.pauseMs);
  }
}

/** @throws what the system says, unless it leaves that to the process's `error` event */
function launchWorker(settings: StageWorkerSettings): ChildProcess {
  const main = fileURLToPath(import.meta.resolve("@stagecoach/stage-worker/main"));
  return spawn(process.execPath, [...process.execArgv, main], {
    env: { ...mallocSettings, ...process.env, STAGECOACH_WORKER_SETTINGS: JSON.stringify(settings) },
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
}
