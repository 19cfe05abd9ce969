import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { RefusedError } from "./errors.ts";
import { TestJobs } from "./testing/testJobs.ts";

describe("a queue of jobs", () => {
  let t: TestJobs;
  beforeEach(async () => {
    t = await TestJobs.open();
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
      await trainer.tell({ type: "metrics", step: 1, totalSteps: 2, metrics: { train_loss: 0.5, learning_rate: 0.1 } });
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
      expect(model).toMatchObject({ base: "org/tiny", task: "sequence-classification", createdAt: t.time, jobId: id });
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
      t = await TestJobs.open({ maxRunning: 2 });
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

  describe("after a restart", () => {
    test("a running job goes on, in its folder, with the next attempt", async () => {
      const { id } = await t.create();
      const trainer = await t.runner.started(1);
      await t.restart();
      expect(trainer.stops).toEqual(["shutdown"]);
      expect((await t.runner.started(1)).job).toMatchObject({ id, attempt: 2 });
    });

    test("so it does after kill -9, and what its old trainer tells is dropped", async () => {
      const { id } = await t.create();
      await (await t.runner.started(1)).tell({ type: "metrics", step: 1, metrics: { train_loss: 1 } });
      await t.crash();
      const next = await t.runner.started(1);
      expect(next.job).toMatchObject({ id, attempt: 2 });
      await next.tell({ type: "metrics", step: 1, metrics: { train_loss: 1 } });
      await next.tell({ type: "metrics", step: 2, metrics: { train_loss: 0.5 } });
      const steps = (await t.messages(id)).filter((message) => message.startsWith("Step"));
      expect(steps).toEqual(["Step 2: training loss=0.5", "Step 1: training loss=1"]);
      expect((await t.messages(id)).filter((message) => message.includes("started")).length).toBe(1);
    });

    test("waiting jobs still wait in their order", async () => {
      const ids = [(await t.create()).id, (await t.create()).id, (await t.create()).id];
      await t.runner.started(1);
      await t.crash();
      for (const [index, id] of ids.entries()) {
        const trainer = await t.runner.started(index + 1);
        expect(trainer.job.id).toBe(id);
        trainer.succeed();
      }
      await t.reaching(ids[2]!, "succeeded");
    });

    test("folders of models that nobody knows are gone", async () => {
      const job = await t.create();
      (await t.runner.started(1)).succeed();
      await t.reaching(job.id, "succeeded");
      await t.jobs.store.models.remove(job.model_name);
      await t.restart();
      expect(readdirSync(join(t.dataDir, "models"))).toEqual([]);
    });
  });

  describe("a trainer that is lost", () => {
    test("is replaced", async () => {
      const { id } = await t.create();
      (await t.runner.started(1)).lose();
      const next = await t.runner.started(2);
      expect(next.job).toMatchObject({ id, attempt: 2 });
      next.succeed();
      await t.reaching(id, "succeeded");
      expect((await t.messages(id)).join()).not.toContain("lost");
    });

    test("again and again without a checkpoint fails the job, with the last reason", async () => {
      const { id } = await t.create();
      for (const number of [1, 2, 3, 4]) (await t.runner.started(number)).lose();
      const { error } = await t.reaching(id, "failed");
      expect(JSON.parse(error!)).toEqual({
        code: "trainer_lost",
        message: "the trainer was lost 4 times without getting to a checkpoint; the last time: killed by SIGKILL",
        param: null,
      });
    });

    test("as often as it likes while it gets on", async () => {
      const { id } = await t.create();
      for (const number of [1, 2, 3, 4, 5, 6]) {
        const trainer = await t.runner.started(number);
        await trainer.checkpoint(number);
        trainer.lose();
      }
      (await t.runner.started(7)).succeed();
      expect(await t.reaching(id, "succeeded")).toMatchObject({ attempt: 7 });
    });
  });

  test("an earlier attempt can neither tell nor end anything", async () => {
    t.runner.stopsAtOnce = false;
    const { id } = await t.create();
    const first = await t.runner.started(1);
    first.lose();
    await t.runner.started(2);
    await first.tell({ type: "message", level: "info", message: "from the grave" });
    expect((await t.messages(id)).join()).not.toContain("grave");
  });

  test("`resolved` fills in what was left to the trainer", async () => {
    const { id } = await t.create({
      method: {
        type: "supervised",
        supervised: { hyperparameters: { warmup_steps: 3, learning_rate_multiplier: 0.3 } },
      },
    });
    const trainer = await t.runner.started(1);
    const resolved = { n_epochs: 3, batch_size: 32, learning_rate: 0.3 * 5e-5, learning_rate_multiplier: 0.1 + 0.2 };
    await trainer.tell({ type: "resolved", method: { task: "masked-lm", hyperparameters: resolved } });
    expect(JSON.parse((await t.jobs.find(id)).method)).toEqual({
      task: "masked-lm",
      hyperparameters: { ...resolved, learning_rate_multiplier: 0.3, warmup_steps: 3 },
    });
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

  test.each([1, 2, 3])("loses no job and runs none twice, whatever happens (seed %i)", async (seed) => {
    const random = generator(seed);
    t.runner.stopsAtOnce = false;
    const ids: string[] = [];
    const ignore = () => {};
    const running = () => t.runner.trainers.filter(({ isRunning }) => isRunning);
    for (let turn = 0; turn < 60; turn++) {
      const id = ids[Math.floor(random() * ids.length)] ?? "";
      const trainer = running()[0];
      const acts = [
        async () => void ids.push((await t.create()).id),
        () => t.jobs.queue.pause(id).catch(ignore),
        () => t.jobs.queue.resume(id).catch(ignore),
        () => (random() < 0.3 ? t.jobs.queue.cancel(id).catch(ignore) : undefined),
        () => trainer?.succeed(),
        () => trainer?.checkpoint(turn + 1),
        () => trainer?.lose(),
        () => trainer?.stops.length && trainer.stopped(),
        () => (random() < 0.3 ? t.crash().then(() => (t.runner.stopsAtOnce = false)) : undefined),
      ];
      await acts[Math.floor(random() * acts.length)]!();
      expect(running().length, `seed ${seed}, turn ${turn}`).toBeLessThanOrEqual(1);
    }
    // From now on everything is let finish.
    for (;;) {
      // The database answers at once, files do not.
      await setImmediate();
      for (const id of ids) await t.jobs.queue.resume(id).catch(ignore);
      const { queued, running: atWork, paused } = await t.jobs.counts();
      if (queued + atWork + paused === 0) break;
      for (const trainer of running()) {
        if (trainer.stops.length > 0) trainer.stopped();
        else trainer.succeed();
      }
    }
    const jobs = await Promise.all(ids.map((id) => t.jobs.find(id)));
    const succeeded = jobs.filter(({ status }) => status === "succeeded").map(({ model_name }) => model_name);
    expect(jobs.every(({ status }) => ["succeeded", "cancelled", "failed"].includes(status))).toBe(true);
    expect(new Set((await t.jobs.models.list()).map(({ id }) => id))).toEqual(new Set(succeeded));
  });

  test("a job that could not be started is started a while later", async () => {
    await t[Symbol.asyncDispose]();
    t = await TestJobs.open({ retryMs: 1 });
    const claim = vi.spyOn(t.jobs.store.jobs, "claim").mockRejectedValueOnce(new Error("the connection broke"));
    const { id } = await t.create();
    expect((await t.runner.started(1)).job.id).toBe(id);
    expect(claim.mock.settledResults[0]).toMatchObject({ type: "rejected" });
  });
});

/** Numbers from 0 to 1: a linear congruential generator (Numerical Recipes). */
function generator(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32) / 2 ** 32;
}
