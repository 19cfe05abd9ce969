/**
 * @file What becomes of jobs whose gateway or trainer ends before they do, whichever database is below the queue: one suite for
 * `node:sqlite` and PostgreSQL.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { newTrial } from "../../search/trials.ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TestJobs } from "./testJobs.ts";

/** @param createDatabase - address of a new database; null for the data folder's own */
export function queueLossCases(database: string, createDatabase: (() => string) | null): void {
  describe(`jobs that lose their gateway or trainer, on ${database}`, () => {
    let t: TestJobs;
    beforeEach(async () => {
      t = await TestJobs.open({ databaseUrl: createDatabase?.() });
    });
    afterEach(() => t[Symbol.asyncDispose]());

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

      test("counts anew when a trial of a search has got further, and not when it is where it was", async () => {
        const { id } = await t.create();
        const trial = newTrial(1, { batch_size: 8 }, undefined);
        const saved = (step: number) => ({ ...trial, runs: [{ ...trial.runs[0]!, saved_step: step }] });
        for (const [number, step] of [0, 0, 10, 10, 10].entries()) {
          const trainer = await t.runner.started(number + 1);
          await trainer.tell({ type: "trial", trial: saved(step) });
          trainer.lose();
        }
        const last = await t.runner.started(6);
        await last.tell({ type: "trial", trial: saved(10) });
        last.lose();
        expect(JSON.parse((await t.reaching(id, "failed")).error!)).toMatchObject({ code: "trainer_lost" });
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
  });
}

/** Numbers from 0 to 1: a linear congruential generator (Numerical Recipes). */
function generator(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32) / 2 ** 32;
}
