/** @file What every store does, whichever database is below it: one suite for `node:sqlite` and PostgreSQL. */
import { Kysely } from "kysely";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { StoreError, StoreLockedError, UnknownCursorError } from "../errors.ts";
import type { NewJob } from "../jobRecords.ts";
import { migrate, migrations } from "../migrations.ts";
import { newId } from "../newId.ts";
import { openStore, type Store } from "../openStore.ts";
import { postgresDialect } from "../postgresDialect.ts";
import type { Tables } from "../schema.ts";
import { sqliteDialect } from "../sqliteDialect.ts";

/** @param createDatabase - address of a new database; null for the data folder's own */
export function storeCases(database: string, createDatabase: (() => string) | null): void {
  describe(`a store on ${database}`, () => {
    let dataDir: string;
    let databaseUrl: string | undefined;
    let store: Store;
    const open = () => openStore({ dataDir, databaseUrl, lockWaitMs: 300 });
    const bare = () =>
      new Kysely<Tables>({
        dialect:
          databaseUrl === undefined
            ? sqliteDialect(join(dataDir, "state.db"))
            : postgresDialect(databaseUrl, { lockWaitMs: 300, onInterruption: () => {} }),
      });
    const kind = createDatabase === null ? "sqlite" : "postgres";

    beforeEach(async () => {
      dataDir = mkdtempSync(join(tmpdir(), "stagecoach-store-"));
      databaseUrl = createDatabase?.();
      store = await open();
    });
    afterEach(async () => {
      await store.close();
      rmSync(dataDir, { recursive: true, force: true });
    });
    const reopen = async () => {
      await store.close();
      store = await open();
    };

    test("gives back after a restart what it was given", async () => {
      const file = fileOf("a");
      await store.files.add(file);
      const job = await store.jobs.add(jobOf("a"));
      await reopen();
      expect(await store.files.find("file-a")).toEqual(file);
      expect(await store.jobs.find("ftjob-a")).toEqual(job);
      expect(job).toMatchObject({ ...jobOf("a"), status: "queued", attempt: 0, finished_at: null, error: null });
    });

    test("numbers beyond 2^31 stay numbers", async () => {
      await store.files.add({ ...fileOf("a"), bytes: 2 ** 40, expires_at: 2 ** 33 });
      expect(await store.files.find("file-a")).toMatchObject({ bytes: 2 ** 40, expires_at: 2 ** 33 });
      expect(await store.files.totals()).toEqual({ count: 1, bytes: 2 ** 40 });
    });

    test("a transaction that fails leaves nothing behind", async () => {
      const failing = store.transaction(async ({ files }) => {
        await files.add(fileOf("a"));
        throw new Error("stop");
      });
      await expect(failing).rejects.toThrow("stop");
      expect(await store.files.find("file-a")).toBeUndefined();
    });

    test("work beside a transaction waits for its end, and is no part of it", async () => {
      const both = [
        store.transaction(async ({ files }) => {
          await files.add(fileOf("a"));
          throw new Error("stop");
        }),
        store.files.add(fileOf("b")),
      ];
      await Promise.allSettled(both);
      expect((await store.files.list({ limit: 9, order: "asc" })).rows.map(({ id }) => id)).toEqual(["file-b"]);
    });

    test("a second gateway on the same data folder is refused", async () => {
      await expect(openStore({ dataDir })).rejects.toThrow(StoreLockedError);
      await expect(openStore({ dataDir })).rejects.toThrow(/another gateway works in the folder .*--data-dir/);
    });

    test("a database that a newer release has written is refused", async () => {
      await store.close();
      const db = bare();
      await db.insertInto("migrations").values({ number: 1000, name: "later", applied_at: 0 }).execute();
      await db.destroy();
      await expect(open()).rejects.toThrow(StoreError);
      await expect(open()).rejects.toThrow(/newer release.*version 1000/);
    });

    test.each(migrations.map((_, index) => index))(
      "what version %i has left is brought to today's",
      async (version) => {
        await store.close();
        if (createDatabase === null)
          for (const each of ["", "-wal", "-shm"]) rmSync(`${dataDir}/state.db${each}`, { force: true });
        else databaseUrl = createDatabase();
        const db = bare();
        await migrate(db, kind, version);
        await db.destroy();
        store = await open();
        await store.jobs.add(jobOf("a"));
        await reopen();
        expect(await store.jobs.find("ftjob-a")).toBeDefined();
      },
    );

    test("a migration that fails leaves the version before it", async () => {
      const db = new Kysely<Tables>({
        dialect:
          databaseUrl === undefined
            ? sqliteDialect(":memory:")
            : postgresDialect(createDatabase!(), { lockWaitMs: 0, onInterruption: () => {} }),
      });
      await db.schema.createTable("jobs").addColumn("id", "text").execute();
      await expect(migrate(db, kind)).rejects.toThrow(/jobs.*already exists/);
      expect(await db.selectFrom("migrations").selectAll().execute()).toEqual([]);
      const tables = (await db.introspection.getTables()).map((table) => table.name);
      expect(tables).not.toContain("files");
      await db.destroy();
    });

    describe("files", () => {
      test("are listed in pages, either way round, each once", async () => {
        for (const name of ["a", "b", "c", "d", "e"]) await store.files.add({ ...fileOf(name), created_at: 5 });
        for (const order of ["asc", "desc"] as const) {
          const ids: string[] = [];
          for (let after: string | undefined, hasMore = true; hasMore; after = ids.at(-1)) {
            const page = await store.files.list({ limit: 2, order, after });
            ids.push(...page.rows.map(({ id }) => id));
            hasMore = page.hasMore;
          }
          const expected = ["file-a", "file-b", "file-c", "file-d", "file-e"];
          expect(ids).toEqual(order === "asc" ? expected : expected.toReversed());
        }
        await expect(store.files.list({ limit: 2, order: "asc", after: "file-x" })).rejects.toThrow(UnknownCursorError);
      });

      test("are found by purpose, content and expiry", async () => {
        await store.files.add({ ...fileOf("a"), purpose: "evals", sha256: "11" });
        await store.files.add({ ...fileOf("b"), expires_at: 100 });
        const listed = await store.files.list({ limit: 9, order: "asc", purpose: "evals" });
        expect(listed.rows.map(({ id }) => id)).toEqual(["file-a"]);
        expect(await store.files.hasContent("11")).toBe(true);
        expect(await store.files.expiredIds(99)).toEqual([]);
        expect(await store.files.expiredIds(100)).toEqual(["file-b"]);
        expect(await store.files.remove("file-a")).toBe(true);
        expect(await store.files.remove("file-a")).toBe(false);
        expect(await store.files.hasContent("11")).toBe(false);
      });
    });

    describe("jobs", () => {
      const add = async (...names: string[]) => {
        for (const each of names) await store.jobs.add(jobOf(each));
      };

      test("claim() takes the one that has waited longest, and each once", async () => {
        await add("a", "b", "c");
        const claims = await Promise.all(
          Array.from({ length: 5 }, () => store.jobs.claim({ now: 7, except: ["ftjob-b"] })),
        );
        expect(claims.map((job) => job?.id)).toEqual(["ftjob-a", "ftjob-c", undefined, undefined, undefined]);
        expect(claims[0]).toMatchObject({ status: "running", started_at: 7, attempt: 1 });
      });

      test("a claim after a restart counts as another attempt and keeps the time of the first start", async () => {
        await add("a");
        await store.jobs.claim({ now: 7, except: [] });
        await reopen();
        expect(await store.jobs.requeueRunning()).toEqual(["ftjob-a"]);
        expect(await store.jobs.claim({ now: 9, except: [] })).toMatchObject({ started_at: 7, attempt: 2 });
      });

      test("change() does nothing from another status, or for an earlier attempt", async () => {
        await add("a");
        const cancelled = { status: "cancelled", finished_at: 3 } as const;
        expect(await store.jobs.change("ftjob-a", { from: ["running"] }, cancelled)).toBeUndefined();
        await store.jobs.claim({ now: 1, except: [] });
        expect(await store.jobs.change("ftjob-a", { from: ["running"], attempt: 2 }, cancelled)).toBeUndefined();
        expect(await store.jobs.change("ftjob-a", { from: ["running"], attempt: 1 }, cancelled)).toMatchObject(
          cancelled,
        );
      });

      test("of two who end a job one wins", async () => {
        await add("a");
        await store.jobs.claim({ now: 1, except: [] });
        const ends = await Promise.all(
          (["succeeded", "cancelled"] as const).map((status) =>
            store.jobs.change("ftjob-a", { from: ["running"] }, { status }),
          ),
        );
        expect(ends.filter((job) => job !== undefined).length).toBe(1);
      });

      test("files and models are in use until the job has ended", async () => {
        await add("a");
        expect((await store.jobs.usingFile("file-a"))?.id).toBe("ftjob-a");
        expect((await store.jobs.usingModel("tiny"))?.id).toBe("ftjob-a");
        await store.jobs.change("ftjob-a", { from: ["queued"] }, { status: "cancelled", finished_at: 5 });
        expect(await store.jobs.usingFile("file-a")).toBeUndefined();
        expect(await store.jobs.usingModel("tiny")).toBeUndefined();
        expect(await store.jobs.endedBefore(4)).toEqual([]);
        expect(await store.jobs.endedBefore(5)).toEqual(["ftjob-a"]);
      });

      test("a model that a job learns from is in use, and no other whose name is in its method", async () => {
        const method = JSON.stringify({ task: "ft:other", teacher: { model: "ft:large" } });
        await store.jobs.add({ ...jobOf("a"), method });
        expect((await store.jobs.usingModel("ft:large"))?.id).toBe("ftjob-a");
        expect(await store.jobs.usingModel("ft:other")).toBeUndefined();
      });

      test("are counted by status, with zeros", async () => {
        await add("a", "b");
        await store.jobs.claim({ now: 1, except: [] });
        const none = { paused: 0, succeeded: 0, failed: 0, cancelled: 0 };
        expect(await store.jobs.countByStatus()).toEqual({ queued: 1, running: 1, ...none });
      });

      test("two with one name for their model are refused", async () => {
        await add("a");
        await expect(store.jobs.add({ ...jobOf("b"), model_name: jobOf("a").model_name })).rejects.toThrow(/unique/i);
      });
    });

    describe("a job's history", () => {
      const event = (job: string, message: string, once: string | null = null) => ({
        id: newId("ftevent-"),
        job_id: `ftjob-${job}`,
        created_at: 1,
        level: "info" as const,
        message,
        type: "message" as const,
        data: null,
        once,
      });

      test("is listed from both ends, apart from other jobs'", async () => {
        for (const name of ["a", "b"]) await store.jobs.add(jobOf(name));
        for (const message of ["1", "2", "3"]) {
          await store.history.addEvent(event("a", message));
          await store.history.addEvent(event("b", message));
        }
        const newest = await store.history.listEvents("ftjob-a", { limit: 2 });
        expect(newest.rows.map(({ message }) => message)).toEqual(["3", "2"]);
        const rest = await store.history.listEvents("ftjob-a", { limit: 2, after: newest.rows[1]!.id });
        expect(rest).toMatchObject({ rows: [{ message: "1" }], hasMore: false });
        const since = await store.history.eventsSince("ftjob-a", { limit: 9, after: rest.rows[0]!.id });
        expect(since.map(({ message }) => message)).toEqual(["2", "3"]);
        const ofOther = store.history.listEvents("ftjob-b", { limit: 2, after: rest.rows[0]!.id });
        await expect(ofOther).rejects.toThrow(UnknownCursorError);
      });

      test("has each trial as it was put last, in order of their numbers, apart from other jobs'", async () => {
        for (const name of ["a", "b"]) await store.jobs.add(jobOf(name));
        await store.history.putTrial("ftjob-a", { number: 2, trial: "two" });
        await store.history.putTrial("ftjob-b", { number: 1, trial: "another" });
        await store.history.putTrial("ftjob-a", { number: 1, trial: "one" });
        await store.history.putTrial("ftjob-a", { number: 2, trial: "two, later" });
        await reopen();
        expect(await store.history.trialsOf("ftjob-a")).toEqual(["one", "two, later"]);
        expect(await store.history.findTrial("ftjob-a", 2)).toBe("two, later");
        expect(await store.history.findTrial("ftjob-b", 2)).toBeNull();
      });

      test("has what happens once only once, and the rest as often as it comes", async () => {
        await store.jobs.add(jobOf("a"));
        expect(await store.history.addEvent(event("a", "step 5", "5"))).toBeDefined();
        expect(await store.history.addEvent(event("a", "step 5 again", "5"))).toBeUndefined();
        for (const _ of [1, 2]) expect(await store.history.addEvent(event("a", "x"))).toBeDefined();
        expect((await store.history.listEvents("ftjob-a", { limit: 9 })).rows.length).toBe(3);
      });

      test("has the checkpoints of all jobs, the oldest first, each with its job's status", async () => {
        for (const name of ["a", "b"]) await store.jobs.add(jobOf(name));
        await store.jobs.change("ftjob-b", { from: ["queued"] }, { status: "failed" });
        for (const [name, step] of [
          ["b", 2],
          ["a", 1],
          ["b", 1],
        ] as const) {
          const checkpoint = { id: newId("ftckpt_"), job_id: `ftjob-${name}`, created_at: 1, step, metrics: "{}" };
          await store.history.addCheckpoint({ ...checkpoint, folder: `${name}-${step}` });
        }
        expect(await store.history.allCheckpoints()).toMatchObject([
          { folder: "b-2", status: "failed", created_at: 1 },
          { folder: "a-1", status: "queued" },
          { folder: "b-1", status: "failed" },
        ]);
      });

      test("has one checkpoint a step, the latest first", async () => {
        await store.jobs.add(jobOf("a"));
        const at = (step: number, folder: string) =>
          store.history.addCheckpoint({
            id: newId("ftckpt_"),
            job_id: "ftjob-a",
            created_at: 1,
            step,
            folder,
            metrics: "{}",
          });
        await at(10, "old");
        await at(20, "x");
        await at(10, "new");
        const page = await store.history.listCheckpoints("ftjob-a", { limit: 9 });
        expect(page.rows.map(({ step, folder }) => [step, folder])).toEqual([
          [20, "x"],
          [10, "new"],
        ]);
        const after = await store.history.listCheckpoints("ftjob-a", { limit: 9, after: page.rows[0]!.id });
        expect(after.rows.map(({ step }) => step)).toEqual([10]);
        await store.history.removeCheckpoint("ftjob-a", 20);
        expect((await store.history.listCheckpoints("ftjob-a", { limit: 9 })).rows.length).toBe(1);
      });
    });

    test("models are listed with the newest first, and are gone once removed", async () => {
      await store.jobs.add(jobOf("a"));
      for (const id of ["ft:1", "ft:2"])
        await store.models.add({ id, job_id: "ftjob-a", base: "tiny", task: "masked-lm", folder: "f", created_at: 1 });
      expect((await store.models.list()).map(({ id }) => id)).toEqual(["ft:2", "ft:1"]);
      expect(await store.models.remove("ft:2")).toBe(true);
      expect(await store.models.find("ft:2")).toBeUndefined();
    });
  });
}

function fileOf(name: string) {
  return {
    id: `file-${name}`,
    bytes: 3,
    created_at: 1,
    expires_at: null,
    filename: `${name}.jsonl`,
    purpose: "fine-tune",
    sha256: "00",
  };
}

function jobOf(name: string): NewJob {
  return {
    id: `ftjob-${name}`,
    created_at: 1,
    model: "tiny",
    base: "{}",
    training_file: `file-${name}`,
    validation_file: null,
    seed: 42,
    method: "{}",
    metadata: null,
    model_name: `ft:tiny:stagecoach:${name}:00000000`,
  };
}
