/** @file What a gateway makes of what a trainer tells, with a trainer that is no process. */
import type * as childProcess from "node:child_process";
import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { JobContext, JobSpec, RunnerEvent } from "../jobs/jobRunner.ts";
import { forkTrainers } from "./forkTrainer.ts";
import type { FromTrainer, ToTrainer } from "./trainerMessages.ts";

class FakeProcess extends EventEmitter {
  readonly stderr = new PassThrough();
  readonly connected = true;
  readonly kill = vi.fn<(signal: string) => boolean>();
  readonly send = vi.fn<(message: ToTrainer) => boolean>();

  tell(message: FromTrainer): void {
    this.emit("message", message);
  }
}

const forked = vi.hoisted(() => ({ process: null as unknown }));
vi.mock("node:child_process", async (importOriginal) => ({
  ...(await importOriginal<typeof childProcess>()),
  fork: () => forked.process as childProcess.ChildProcess,
}));

const job: JobSpec = {
  id: "ftjob-1",
  model: "org/tiny",
  base: { reference: "/models/tiny", revision: null },
  method: { hyperparameters: {} },
  seed: 1,
  modelName: "ft:tiny",
  attempt: 1,
};
const event = { type: "message", level: "info", message: "hello" } as const satisfies RunnerEvent;

describe("forkTrainers()", () => {
  const unhandled = vi.fn<(reason: unknown) => void>();
  let trainer: FakeProcess;
  beforeEach(() => {
    trainer = new FakeProcess();
    forked.process = trainer;
    process.on("unhandledRejection", unhandled);
  });
  afterEach(() => void process.off("unhandledRejection", unhandled));

  async function start(onEvent: JobContext["onEvent"]) {
    const options = { engine: "onnxruntime", stages: 1, niceness: 0, log: pino({ level: "silent" }) } as const;
    const dataFiles = { training: { path: "/data", filename: "train.jsonl" }, validation: null };
    return forkTrainers(options).start(job, {
      folder: "/job",
      dataFiles,
      onEvent,
      makeRoom: () => Promise.resolve(null),
    });
  }

  test("the end comes after all events", async () => {
    const kept = Promise.withResolvers<void>();
    const isOver = vi.fn<() => void>();
    const { ended } = await start(() => kept.promise);
    void ended.then(() => isOver());
    trainer.tell({ kind: "event", number: 1, event });
    trainer.tell({ kind: "end", end: { status: "stopped" } });
    await setImmediate();
    expect(isOver).not.toHaveBeenCalled();
    kept.resolve();
    expect(await ended).toEqual({ status: "stopped" });
    expect(trainer.send).toHaveBeenLastCalledWith({ kind: "kept", event: 1 });
  });

  test.each<FromTrainer>([
    { kind: "end", end: { status: "stopped" } },
    { kind: "lost", reason: "it was lost" },
  ])("an event that cannot be kept ends the trainer, whatever it says then ($kind)", async (last) => {
    const { ended } = await start(() => Promise.reject(new Error("the disk is full")));
    trainer.tell({ kind: "event", number: 1, event });
    trainer.tell(last);
    await expect(ended).rejects.toThrow("the disk is full");
    trainer.emit("exit", null, "SIGKILL");
    await setImmediate();
    expect(trainer.kill).toHaveBeenCalledWith("SIGKILL");
    expect(unhandled).not.toHaveBeenCalled();
  });
});
