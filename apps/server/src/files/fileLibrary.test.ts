import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { chunks, TestJobs } from "../jobs/testing/testJobs.ts";

describe("a library of files", () => {
  let t: TestJobs;
  beforeEach(async () => {
    t = await TestJobs.open();
  });
  afterEach(() => t[Symbol.asyncDispose]());
  const stored = () =>
    readdirSync(join(t.dataDir, "files"), { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
  const add = async (content: string, options: { filename?: string; expiresAfterSeconds?: number } = {}) => {
    const { filename = "a.jsonl", expiresAfterSeconds = null } = options;
    const received = await t.jobs.files.receive(chunks(content));
    return t.jobs.files.add({ filename, purpose: "fine-tune", expiresAfterSeconds, content: received });
  };

  test("keeps a content under its SHA-256, once for all files that have it", async () => {
    const [a, b] = [await add("same"), await add("same", { filename: "b.csv" })];
    const sha256 = createHash("sha256").update("same").digest("hex");
    expect(stored().map(({ name }) => name)).toEqual([sha256]);
    await t.jobs.files.remove(a.id);
    expect(readFileSync(t.jobs.files.pathOf(b), "utf8")).toBe("same");
    await t.jobs.files.remove(b.id);
    expect(stored()).toEqual([]);
  });

  test("refuses a file that is too large as soon as it is, and leaves nothing of it", async () => {
    let given = 0;
    async function* endless() {
      for (;;) {
        given += 100;
        yield new Uint8Array(100);
      }
    }
    await expect(t.jobs.files.receive(endless())).rejects.toMatchObject({ code: "payload_too_large", field: "file" });
    expect(given).toBe(1100);
    expect(stored()).toEqual([]);
  });

  test("refuses what exceeds the quota, and says how much is free", async () => {
    for (let file = 0; file < 10; file++) await add(`${file}`.repeat(990));
    await expect(add("x".repeat(101))).rejects.toThrow(/have 10000 bytes and 100 are free/);
    await expect(add("x".repeat(101))).rejects.toMatchObject({ code: "quota_exceeded" });
    await add("x".repeat(100));
  });

  test("two that come at once and exceed the quota together do not both get in", async () => {
    for (let file = 0; file < 9; file++) await add(`${file}`.repeat(1000));
    const both = await Promise.allSettled([add("x".repeat(600)), add("y".repeat(600))]);
    expect(both.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
    expect(stored().length).toBe(10);
  });

  test.each([
    ["a.xlsx", "x", /ends in one of \.jsonl/],
    ["a.gz", "x", /ends in one of \.jsonl/],
    ["a.jsonl", "", /expected examples, got an empty file/],
  ])("refuses %s with %j for training", async (filename, content, message) => {
    await expect(add(content, { filename })).rejects.toThrow(message);
    expect(stored()).toEqual([]);
  });

  test.each(["a.jsonl", "a.JSONL", "b.csv.gz", "c.tsv", "d.txt", "e.json", "f.parquet"])(
    "takes %s for training",
    async (filename) => {
      expect(await add("x", { filename })).toMatchObject({ filename, bytes: 1 });
    },
  );

  test("a file is gone when its time has passed", async () => {
    const { id } = await add("a", { expiresAfterSeconds: 3600 });
    t.time += 3599;
    expect((await t.jobs.files.find(id)).expires_at).toBe(t.time + 1);
    t.time += 1;
    await expect(t.jobs.files.find(id)).rejects.toMatchObject({ code: "not_found" });
    expect(stored()).toEqual([]);
  });

  test("a file that a job reads is neither deleted nor does it expire, until the job has ended", async () => {
    const { id } = await add("a", { expiresAfterSeconds: 3600 });
    const job = await t.create({ training_file: id });
    await expect(t.jobs.files.remove(id)).rejects.toThrow(`is read by the job ${job.id}`);
    await expect(t.jobs.files.remove(id)).rejects.toMatchObject({ code: "in_use" });
    t.time += 3600;
    expect((await t.jobs.files.find(id)).id).toBe(id);
    await t.jobs.queue.cancel(job.id);
    await expect(t.jobs.files.find(id)).rejects.toMatchObject({ code: "not_found" });
  });

  test("what was opened is read to its end although the file is deleted", async () => {
    const { id } = await add("content");
    const { handle } = await t.jobs.files.open(id);
    await t.jobs.files.remove(id);
    expect(await text(handle.createReadStream())).toBe("content");
  });

  test("a start sweeps away what a crash has left", async () => {
    const kept = await add("kept");
    await t.jobs.files.receive(chunks("half"));
    const orphan = join(t.dataDir, "files", kept.sha256.slice(0, 2), "0".repeat(64));
    writeFileSync(orphan, "nobody's");
    await t.crash();
    expect(existsSync(orphan)).toBe(false);
    expect(stored().map(({ name }) => name)).toEqual([kept.sha256]);
  });
});
