import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkpointName } from "./modelName.ts";
import type { FakeTrainer } from "./testing/fakeRunner.ts";
import { TestJobs } from "./testing/testJobs.ts";

describe("the quota of checkpoints", () => {
  let t: TestJobs;
  let numStarted = 0;
  beforeEach(async () => {
    t = await TestJobs.open({ maxCheckpointsBytes: 1000 });
    numStarted = 0;
  });
  afterEach(() => t[Symbol.asyncDispose]());

  /** A job that runs. */
  async function start(): Promise<{ readonly id: string; readonly trainer: FakeTrainer; readonly modelName: string }> {
    const { id, model_name: modelName } = await t.create();
    return { id, trainer: await t.runner.started(++numStarted), modelName };
  }

  /** The trainer asks, and keeps the checkpoint if it may. @returns why not, or null */
  async function save(trainer: FakeTrainer, step: number, bytes: number): Promise<string | null> {
    const refusal = await trainer.context.makeRoom({ step, bytes });
    if (refusal !== null) return refusal;
    const folder = join(trainer.context.folder, "checkpoints", `step-${step}`);
    mkdirSync(folder, { recursive: true });
    await trainer.tell({
      type: "checkpoint",
      step,
      folder,
      metrics: { checkpoint_bytes: bytes, checkpoint_seconds: 1 },
    });
    return null;
  }

  /** Steps of a job's checkpoints, in the store and on the disk alike. */
  async function stepsOf(id: string): Promise<number[]> {
    const { rows } = await t.jobs.store.history.listCheckpoints(id, { limit: 9 });
    const steps = rows.map(({ step }) => step).toSorted((a, b) => a - b);
    const onDisk = [1, 2, 3].filter((step) => existsSync(join(t.dataDir, "jobs", id, "checkpoints", `step-${step}`)));
    expect(onDisk).toEqual(steps);
    return steps;
  }

  test("takes what fits, to the last byte", async () => {
    const { id, trainer } = await start();
    expect(await save(trainer, 1, 400)).toBeNull();
    expect(await save(trainer, 2, 600)).toBeNull();
    expect(await stepsOf(id)).toEqual([1, 2]);
  });

  test("removes the oldest checkpoints of jobs that have ended, and no more than it must", async () => {
    const first = await start();
    for (const step of [1, 2]) await save(first.trainer, step, 300);
    const served = await t.jobs.checkpointModels.find(checkpointName(first.modelName, 1));
    first.trainer.fail({ code: "x", message: "x", param: null });
    const second = await start();
    await save(second.trainer, 3, 300);
    second.trainer.succeed();
    const third = await start();
    expect(await save(third.trainer, 1, 400)).toBeNull();
    expect([await stepsOf(first.id), await stepsOf(second.id), await stepsOf(third.id)]).toEqual([[2], [3], [1]]);
    expect(existsSync(served!.folder)).toBe(false);
  });

  test("refuses what does not fit beside jobs that go on, and removes nothing then", async () => {
    const ended = await start();
    await save(ended.trainer, 1, 300);
    ended.trainer.succeed();
    const paused = await start();
    await save(paused.trainer, 2, 500);
    await t.jobs.queue.pause(paused.id);
    const { trainer } = await start();
    expect(await save(trainer, 3, 501)).toBe(
      "checkpoint of step 3: expected room for 501 bytes, got 500 of the 1000 that all checkpoints may have " +
        "(raise --max-checkpoints-bytes, or cancel jobs that are paused; what was saved before is as it was)",
    );
    expect([await stepsOf(ended.id), await stepsOf(paused.id)]).toEqual([[1], [2]]);
  });

  test("a step that is made again takes the place of what it was", async () => {
    const { trainer } = await start();
    await save(trainer, 1, 900);
    expect(await save(trainer, 1, 1000)).toBeNull();
  });
});
