import { existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { JobRecord } from "../store/jobRecords.ts";
import { checkpointName } from "./modelName.ts";
import type { FakeTrainer } from "./testing/fakeRunner.ts";
import { TestJobs } from "./testing/testJobs.ts";

describe("models of checkpoints", () => {
  let t: TestJobs;
  let job: JobRecord;
  let trainer: FakeTrainer;
  beforeEach(async () => {
    t = await TestJobs.open();
    job = await t.create();
    trainer = await t.runner.started(1);
    for (const step of [1, 2]) await trainer.checkpoint(step);
  });
  afterEach(() => t[Symbol.asyncDispose]());
  const find = (step: number) => t.jobs.checkpointModels.find(checkpointName(job.model_name, step));

  test("are written when first asked for, and once", async () => {
    const write = vi.spyOn(t.runner, "exportCheckpoint");
    const [first, second] = await Promise.all([find(2), find(2)]);
    expect(first).toMatchObject({ id: `${job.model_name}:ckpt-step-2`, createdAt: t.time });
    expect(second).toEqual(first);
    expect(existsSync(first!.folder)).toBe(true);
    expect(write).toHaveBeenCalledTimes(1);
  });

  test("other names, and those of other jobs, are nobody's", async () => {
    for (const name of ["org/tiny", job.model_name, "ft:a:b:c:d:ckpt-step-1", `${job.model_name}:ckpt-step-`])
      expect(await t.jobs.checkpointModels.find(name)).toBeNull();
  });

  test("go with their checkpoint: those who serve them are told first, and the name is refused then", async () => {
    const { folder } = (await find(1))!;
    const told: string[] = [];
    t.jobs.checkpointModels.watch((name) => void told.push(`${name} ${existsSync(folder)}`));
    await trainer.tell({ type: "checkpointRemoved", step: 1 });
    await vi.waitFor(() => expect(existsSync(folder)).toBe(false), { timeout: 15_000 });
    expect(told).toEqual([`${job.model_name}:ckpt-step-1 true`]);
    await expect(find(1)).rejects.toMatchObject({ code: "unknown_model", field: "model" });
    await expect(find(1)).rejects.toThrow(
      /step 1 of ftjob-\w+ was removed by retention, .*kept is those of the steps 2 /,
    );
  });

  test("are refused so as well when the trainer has removed the checkpoint and has not told yet", async () => {
    rmSync(join(trainer.context.folder, "checkpoint-1"), { recursive: true });
    await expect(find(1)).rejects.toThrow(/was removed by retention/);
    await find(2);
  });

  test("a disk that is full is said", async () => {
    vi.spyOn(t.runner, "exportCheckpoint").mockRejectedValueOnce(
      Object.assign(new Error("full"), { code: "disk_full" }),
    );
    await expect(find(1)).rejects.toMatchObject({ name: "RefusedError", code: "disk_full", message: "full" });
    await find(1);
  });

  test("go when the job's retention has passed", async () => {
    const { folder } = (await find(2))!;
    const told: string[] = [];
    t.jobs.checkpointModels.watch((name) => void told.push(name));
    trainer.succeed();
    await t.reaching(job.id, "succeeded");
    t.time += 3600;
    await t.jobs.sweep();
    expect(existsSync(folder)).toBe(false);
    expect(told).toEqual([checkpointName(job.model_name, 2)]);
    await expect(find(2)).rejects.toThrow(/kept is none .*3600 s after its end: --checkpoint-retention/);
  });

  test("a start removes what the last gateway has left, whole or not, and they are written anew", async () => {
    const { folder } = (await find(2))!;
    const half = join(dirname(folder), "step-1.tmp");
    mkdirSync(half);
    await t.crash();
    expect([folder, half].filter(existsSync)).toEqual([]);
    expect(existsSync((await find(2))!.folder)).toBe(true);
  });
});
