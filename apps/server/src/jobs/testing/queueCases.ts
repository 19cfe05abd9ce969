/** @file What a queue of jobs does, whichever database is below it: one suite for `node:sqlite` and PostgreSQL. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { RefusedError } from "../errors.ts";
import type { JobsOptions } from "../openJobs.ts";
import { TestJobs } from "./testJobs.ts";

/** @param createDatabase - address of a new database; null for the data folder's own */
export function queueCases(database: string, createDatabase: (() => string) | null): void {
  describe(`a queue of jobs on ${database}`, () => {
    let t: TestJobs;
    const open = (options: Partial<JobsOptions> = {}) => TestJobs.open({ databaseUrl: createDatabase?.(), ...options });
    beforeEach(async () => {
      t = await open();
    });
    afterEach(() => t[Symbol.asyncDispose]());

    test("runs them one at a time, in the order in which they came", async () => {
      const [a, b] = [await t.create(), await t.create()];
      const first = await t.runner.started(1);
      expect(first.job.id).toBe(a.id);
      expect((await t.jobs.find(b.id)).status).toBe("queued");
      first.succeed();
      const second = await t.runner.started(2);
      expect(second.job.id).toBe(b.id);
      expect((await t.jobs.find(a.id)).status).toBe("succeeded");
      expect(t.runner.trainers.length).toBe(2);
    });

    test("tells the runner all that was asked for", async () => {
      const training_file = await t.upload("a,b\n", "data.csv.gz");
      const supervised = {
        task: "sequence-classification",
        columns: { text: "a", label: "b" },
        hyperparameters: { learning_rate: 0.1 },
      } as const;
      await t.create({ training_file, suffix: "x", seed: 7, method: { type: "supervised", supervised } });
      const { job, context } = await t.runner.started(1);
      expect(job).toMatchObject({
        model: "org/tiny",
        base: { reference: "/models/tiny", revision: null },
        seed: 7,
        attempt: 1,
        method: { ...supervised, hyperparameters: { n_epochs: "auto", batch_size: "auto", learning_rate: 0.1 } },
      });
      expect(context.dataFiles).toMatchObject({ training: { filename: "data.csv.gz" }, validation: null });
      expect(readFileSync(context.dataFiles.training.path, "utf8")).toBe("a,b\n");
      expect(context.folder).toBe(join(t.dataDir, "jobs", job.id));
    });

    describe("a job that succeeds", () => {
      test("leaves a model in a lasting folder, its numbers as a file, and its story", async () => {
        const { id } = await t.create({ suffix: "topics" });
        const trainer = await t.runner.started(1);
        await trainer.tell({
          type: "metrics",
          step: 1,
          totalSteps: 2,
          metrics: { train_loss: 0.5, learning_rate: 0.1 },
        });
        await trainer.checkpoint(1);
        await trainer.tell({
          type: "metrics",
          step: 2,
          totalSteps: 2,
          metrics: { train_loss: 0.25, learning_rate: 0.05 },
        });
        await trainer.tell({ type: "metrics", step: 2, metrics: { valid_loss: 0.75, valid_accuracy: 1 } });
        t.time += 60;
        trainer.succeed();
        const job = await t.reaching(id, "succeeded");
        expect(job).toMatchObject({ finished_at: t.time, trained_tokens: 1000, error: null });
        const model = await t.jobs.models.find(job.model_name);
        expect(model).toMatchObject({
          base: "org/tiny",
          task: "sequence-classification",
          createdAt: t.time,
          jobId: id,
        });
        expect(readdirSync(model!.folder)).toEqual(["config.json"]);
        expect(model!.folder.startsWith(join(t.dataDir, "models"))).toBe(true);
        const result = await t.jobs.files.find(job.result_file!);
        expect(result).toMatchObject({ filename: "step_metrics.csv", purpose: "fine-tune-results" });
        const openAi = "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy";
        const csv = `${openAi},learning_rate,valid_accuracy\n1,0.5,,,,0.1,\n2,0.25,,0.75,1,0.05,1\n`;
        expect(readFileSync(t.jobs.files.pathOf(result), "utf8")).toBe(csv);
        expect((await t.messages(id)).toReversed()).toEqual([
          `Created fine-tuning job: ${id}`,
          "Fine-tuning job started",
          "Step 1/2: training loss=0.5, learning rate=0.1",
          "Step 2/2: training loss=0.25, learning rate=0.05",
          "Step 2: validation loss=0.75, validation accuracy=1",
          `New fine-tuned model created: ${job.model_name}`,
          "The job has successfully completed",
        ]);
      });

      test("says how its model did in a test, if there was one", async () => {
        const [job, other] = [await t.create(), await t.create()];
        (await t.runner.started(1)).succeed({ test_loss: 0.5, test_accuracy: 0.75 });
        (await t.runner.started(2)).succeed();
        await t.reaching(other.id, "succeeded");
        const last = async (id: string) => (await t.jobs.store.history.listEvents(id, { limit: 1 })).rows[0]!.data;
        expect(JSON.parse((await last(job.id))!)).toEqual({ test_loss: 0.5, test_accuracy: 0.75 });
        expect(await last(other.id)).toBeNull();
      });

      test("is announced once its model is there", async () => {
        const seen: string[] = [];
        t.jobs.models.watch(({ kind, model }) => void seen.push(`${kind} ${model.id} ${existsSync(model.folder)}`));
        const job = await t.create();
        (await t.runner.started(1)).succeed();
        await t.reaching(job.id, "succeeded");
        await t.jobs.models.remove(job.model_name);
        expect(seen).toEqual([`added ${job.model_name} true`, `removed ${job.model_name} true`]);
        expect(readdirSync(join(t.dataDir, "models"))).toEqual([]);
      });

      test("two with one suffix both keep their models", async () => {
        const [a, b] = [await t.create({ suffix: "same" }), await t.create({ suffix: "same" })];
        for (const number of [1, 2]) (await t.runner.started(number)).succeed();
        await t.reaching(b.id, "succeeded");
        const ids = (await t.jobs.models.list()).map(({ id }) => id);
        expect(ids).toEqual([b.model_name, a.model_name]);
        expect(new Set(ids).size).toBe(2);
        for (const id of ids) expect(id).toMatch(/^ft:tiny:stagecoach:same:[0-9A-Za-z]{8}$/);
      });
    });

    test("a job that fails says why, and the next one runs", async () => {
      const [a] = [await t.create(), await t.create()];
      const error = {
        code: "invalid_training_file",
        message: "train.jsonl, line 3: expected a label",
        param: "training_file",
      };
      (await t.runner.started(1)).fail(error);
      await t.runner.started(2);
      const job = await t.jobs.find(a.id);
      expect(job).toMatchObject({ status: "failed", result_file: null });
      expect(JSON.parse(job.error!)).toEqual(error);
      expect((await t.messages(a.id))[0]).toBe("The job failed: train.jsonl, line 3: expected a label");
      expect(await t.jobs.models.list()).toEqual([]);
    });

    test("a job whose file has vanished fails", async () => {
      const [, b] = [await t.create(), await t.create()];
      const first = await t.runner.started(1);
      await t.jobs.store.files.remove(b.training_file);
      first.succeed();
      expect(JSON.parse((await t.reaching(b.id, "failed")).error!)).toMatchObject({
        code: "invalid_training_file",
        param: "training_file",
      });
    });

    describe("cancel()", () => {
      test("ends a running job at once and stops its trainer", async () => {
        const { id } = await t.create();
        const trainer = await t.runner.started(1);
        expect(await t.jobs.queue.cancel(id)).toMatchObject({ status: "cancelled", finished_at: t.time });
        expect(trainer.stops).toEqual(["cancel"]);
      });

      test("a waiting job never starts", async () => {
        const [, b, c] = [await t.create(), await t.create(), await t.create()];
        await t.jobs.queue.cancel(b.id);
        (await t.runner.started(1)).succeed();
        expect((await t.runner.started(2)).job.id).toBe(c.id);
      });

      test("a trainer that finishes all the same leaves nothing", async () => {
        t.runner.stopsAtOnce = false;
        const { id } = await t.create();
        const trainer = await t.runner.started(1);
        await t.jobs.queue.cancel(id);
        await trainer.tell({ type: "message", level: "info", message: "too late" });
        trainer.succeed();
        await t.create();
        await t.runner.started(2);
        expect((await t.jobs.find(id)).status).toBe("cancelled");
        expect((await t.messages(id))[0]).toBe("Fine-tuning job cancelled");
        expect(readdirSync(join(t.dataDir, "models"))).toEqual([]);
        expect((await t.jobs.files.totals()).count).toBe(2);
      });

      test("twice is refused, with the state that the job is in", async () => {
        const { id } = await t.create();
        await t.jobs.queue.cancel(id);
        const again = t.jobs.queue.cancel(id);
        await expect(again).rejects.toThrow(RefusedError);
        await expect(again).rejects.toThrow(
          `The job ${id} is cancelled: expected one that is queued or running or paused`,
        );
        await expect(t.jobs.queue.cancel("ftjob-x")).rejects.toMatchObject({ code: "not_found" });
      });
    });

    describe("pause() and resume()", () => {
      test("the trainer stops, and another goes on", async () => {
        const { id } = await t.create();
        const trainer = await t.runner.started(1);
        expect((await t.jobs.queue.pause(id)).status).toBe("paused");
        expect(trainer.stops).toEqual(["pause"]);
        expect((await t.jobs.queue.resume(id)).status).toBe("queued");
        const next = await t.runner.started(2);
        expect(next.job).toMatchObject({ id, attempt: 2 });
        expect(next.context.folder).toBe(trainer.context.folder);
        expect((await t.messages(id)).toReversed().slice(2)).toEqual([
          "Fine-tuning job paused",
          "Fine-tuning job resumed",
        ]);
      });

      test("a paused job lets the next one run, and stays paused over a restart", async () => {
        const [a, b] = [await t.create(), await t.create()];
        await t.runner.started(1);
        await t.jobs.queue.pause(a.id);
        expect((await t.runner.started(2)).job.id).toBe(b.id);
        await t.restart();
        expect((await t.runner.started(1)).job.id).toBe(b.id);
        expect((await t.jobs.find(a.id)).status).toBe("paused");
      });

      test("a checkpoint that a paused trainer still writes is kept", async () => {
        t.runner.stopsAtOnce = false;
        const { id } = await t.create();
        const trainer = await t.runner.started(1);
        await t.jobs.queue.pause(id);
        await trainer.checkpoint(5);
        trainer.stopped();
        const { rows } = await t.jobs.store.history.listCheckpoints(id, { limit: 9 });
        expect(rows.map(({ step, folder }) => [step, folder])).toEqual([[5, `jobs/${id}/checkpoint-5`]]);
      });

      test("no second trainer starts before the first has ended", async () => {
        t.runner.stopsAtOnce = false;
        const [a, b] = [await t.create(), await t.create()];
        const trainer = await t.runner.started(1);
        await t.jobs.queue.pause(a.id);
        await t.jobs.queue.resume(a.id);
        await t.jobs.counts();
        expect(t.runner.trainers.length).toBe(1);
        trainer.stopped();
        expect((await t.runner.started(2)).job).toMatchObject({ id: a.id, attempt: 2 });
        expect((await t.jobs.find(b.id)).status).toBe("queued");
      });

      test("so it is where several run at the same time", async () => {
        await t[Symbol.asyncDispose]();
        t = await open({ maxRunning: 2 });
        t.runner.stopsAtOnce = false;
        const [a, , c, d] = [await t.create(), await t.create(), await t.create(), await t.create()];
        const [first] = [await t.runner.started(1), await t.runner.started(2)];
        await t.jobs.queue.pause(a.id);
        await t.jobs.queue.resume(a.id);
        (await t.runner.started(2)).succeed();
        expect((await t.runner.started(3)).job.id).toBe(c.id);
        (await t.runner.started(3)).succeed();
        expect((await t.runner.started(4)).job.id).toBe(d.id);
        first.stopped();
        expect((await t.runner.started(5)).job).toMatchObject({ id: a.id, attempt: 2 });
      });

      test("of what is not running, or not paused, are refused", async () => {
        const { id } = await t.create();
        await t.runner.started(1);
        await expect(t.jobs.queue.resume(id)).rejects.toMatchObject({ code: "wrong_state" });
        await t.jobs.queue.pause(id);
        await expect(t.jobs.queue.pause(id)).rejects.toThrow(/is paused: expected one that is queued or running/);
      });
    });

    test("`resolved` fills in what was left to the trainer", async () => {
      const given = { warmup_steps: 3, learning_rate_multiplier: 0.3 };
      const { id } = await t.create({ method: { type: "supervised", supervised: { hyperparameters: given } } });
      const trainer = await t.runner.started(1);
      const resolved = { n_epochs: 3, batch_size: 32, learning_rate: 0.3 * 5e-5, learning_rate_multiplier: 0.1 + 0.2 };
      await trainer.tell({ type: "resolved", method: { task: "masked-lm", hyperparameters: resolved } });
      expect(JSON.parse((await t.jobs.find(id)).method)).toEqual({
        task: "masked-lm",
        hyperparameters: { ...resolved, learning_rate_multiplier: 0.3, warmup_steps: 3 },
      });
    });

    test("a job that could not be started is started a while later", async () => {
      await t[Symbol.asyncDispose]();
      t = await open({ retryMs: 1 });
      const claim = vi.spyOn(t.jobs.store.jobs, "claim").mockRejectedValueOnce(new Error("the connection broke"));
      const { id } = await t.create();
      expect((await t.runner.started(1)).job.id).toBe(id);
      expect(claim.mock.settledResults[0]).toMatchObject({ type: "rejected" });
    });

    test("checkpoints of a job go when its retention has passed, its model stays", async () => {
      const job = await t.create();
      const trainer = await t.runner.started(1);
      await trainer.checkpoint(1);
      trainer.succeed();
      await t.reaching(job.id, "succeeded");
      t.time += 3599;
      await t.jobs.sweep();
      expect(existsSync(trainer.context.folder)).toBe(true);
      t.time += 1;
      await t.jobs.sweep();
      expect(existsSync(trainer.context.folder)).toBe(false);
      expect((await t.jobs.store.history.listCheckpoints(job.id, { limit: 9 })).rows).toEqual([]);
      expect(existsSync((await t.jobs.models.find(job.model_name))!.folder)).toBe(true);
      expect(await t.jobs.store.jobs.endedBefore(t.time)).toEqual([]);
    });
  });
}
