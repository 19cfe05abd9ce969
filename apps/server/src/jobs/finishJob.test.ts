/** @file A job's end that is stored again, because the store, or whoever is told of the new model, failed for a moment. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { JobRecord } from "../store/jobRecords.ts";
import type { FakeTrainer } from "./testing/fakeRunner.ts";
import { TestJobs } from "./testing/testJobs.ts";

describe("finishJob(), again after it has failed", () => {
  let t: TestJobs;
  let job: JobRecord;
  let trainer: FakeTrainer;
  beforeEach(async () => {
    t = await TestJobs.open({ retryMs: 1 });
    job = await t.create();
    trainer = await t.runner.started(1);
    // Starts when the first one has ended.
    await t.create();
  });
  afterEach(() => t[Symbol.asyncDispose]());

  const lost = new Error("the connection broke");

  /** The job's model is there as a whole. */
  async function expectModel(): Promise<void> {
    expect((await t.jobs.find(job.id)).status).toBe("succeeded");
    const model = await t.jobs.models.find(job.model_name);
    expect(existsSync(join(model!.folder, "config.json"))).toBe(true);
  }

  test("keeps and announces a model that was stored, but not acknowledged", async () => {
    const announced: string[] = [];
    t.jobs.models.watch(({ model }) => void announced.push(model.id));
    const { transaction } = t.jobs.store;
    vi.spyOn(t.jobs.store, "transaction").mockImplementationOnce(async (work) => {
      await transaction(work);
      throw lost;
    });
    trainer.succeed();
    await t.runner.started(2);
    expect(announced).toEqual([job.model_name]);
    await expectModel();
  });

  test("keeps a model that was stored, but not announced, and announces it", async () => {
    const announce = vi.spyOn(t.jobs.models, "announce").mockRejectedValueOnce(lost);
    trainer.succeed();
    await t.runner.started(2);
    expect(announce).toHaveBeenCalledTimes(2);
    await expectModel();
  });

  test("lets go of a model that was deleted meanwhile", async () => {
    vi.spyOn(t.jobs.models, "announce").mockImplementationOnce(async (id) => {
      await t.jobs.models.remove(id);
      throw lost;
    });
    trainer.succeed();
    await t.runner.started(2);
    expect(await t.jobs.models.list()).toEqual([]);
  });
});
