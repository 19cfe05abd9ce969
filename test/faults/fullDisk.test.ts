/** @file Jobs on a disk that is full: what cannot be kept is refused, and what was kept before is as it was. */
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSafetensors } from "@stagecoach/transformer/node";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { startServer, type TestServer } from "../harness/startServer.ts";
import { writeToyTexts } from "../harness/toyTexts.ts";
import { createJob, madeStep, openAi, reached, upload } from "../harness/trainingJobs.ts";

const MODEL = "org/tiny";
const scratch = mkdtempSync(join(tmpdir(), "stagecoach-full-"));
const mounted: string[] = [];

/** A file system of so many megabytes at this folder. */
function mount(folder: string, megabytes: number): void {
  mkdirSync(folder, { recursive: true });
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", folder], { stdio: "pipe" });
  mounted.push(folder);
}

/** Null where this user may not make one. */
function reasonToSkip(): string | null {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "skipped: needs root on Linux";
  try {
    mount(join(scratch, "probe"), 1);
    return null;
  } catch {
    return "skipped: cannot mount a file system here";
  }
}
const absent = reasonToSkip();

/** Takes all the room that there is. @returns how to give it back */
function fill(folder: string): () => void {
  const path = join(folder, "ballast");
  const write = (size: number) => {
    for (;;) appendFileSync(path, Buffer.alloc(size));
  };
  for (const size of [65_536, 4096, 1]) expect(() => write(size)).toThrow(/ENOSPC/);
  return () => rmSync(path);
}

let server: TestServer;
const open = async (dataDir: string) => {
  server = await startServer({ dataDir, flags: ["--stages", "2", "--served-model-name", MODEL] });
  return openAi(server);
};

describe.skipIf(absent !== null)(`a disk that is full (${absent ?? "tmpfs"})`, () => {
  const data = join(scratch, "train.jsonl");
  writeToyTexts(data, 64, 1);
  const hyperparameters = { batch_size: 8, micro_batches: 1 };
  afterEach(() => server[Symbol.asyncDispose]());
  afterAll(() => {
    for (const folder of mounted) execFileSync("umount", [folder]);
    rmSync(scratch, { recursive: true, force: true });
  });

  test("takes no job, and says why; once there is room it takes one, and there is no other", async () => {
    const dataDir = join(scratch, "all");
    mount(dataDir, 8);
    const client = await open(dataDir);
    const file = await upload(client, data);
    const free = fill(dataDir);
    const answer = await server.post("/v1/fine_tuning/jobs", { model: MODEL, training_file: file });
    expect([answer.status, await answer.json()]).toEqual([
      507,
      {
        error: {
          message: expect.stringMatching(/^the server's disk is full: nothing was changed/) as string,
          type: "server_error",
          param: null,
          code: "disk_full",
        },
      },
    ]);
    expect(answer.headers.get("x-should-retry")).toBe("false");
    expect((await client.fineTuning.jobs.list()).data).toEqual([]);
    free();
    const id = await createJob(
      client,
      { model: MODEL, file },
      { hyperparameters: { ...hyperparameters, max_steps: 2 } },
    );
    await reached(client, id, "succeeded");
    expect((await client.fineTuning.jobs.list()).data.map((job) => job.id)).toEqual([id]);
  });

  test("ends a running job with an error that says so, and its last checkpoint is good", async () => {
    const dataDir = join(scratch, "jobs-only");
    const jobs = join(dataDir, "jobs");
    mount(jobs, 8);
    const client = await open(dataDir);
    const file = await upload(client, data);
    const long = { ...hyperparameters, max_steps: 20_000, checkpoint_steps: 50 };
    const id = await createJob(client, { model: MODEL, file }, { hyperparameters: long });
    await madeStep(dataDir, id, 60);
    const free = fill(jobs);
    const { error } = await reached(client, id, "failed");
    expect(error).toMatchObject({
      code: "disk_full",
      message: expect.stringMatching(/expected room on the disk, got none/) as string,
    });
    free();
    const [last] = (await client.fineTuning.jobs.checkpoints.list(id)).data;
    const folder = join(jobs, id, "checkpoints", `step-${last!.step_number}`);
    const { files, state } = JSON.parse(readFileSync(join(folder, "checkpoint.json"), "utf8")) as {
      files: string[];
      state: { step: number };
    };
    expect(state.step).toBe(last!.step_number);
    expect(files).toHaveLength(2);
    for (const name of files) await (await openSafetensors(join(folder, name))).close();
    const answer = await server.post("/predict", { inputs: "stag", model: last!.fine_tuned_model_checkpoint });
    expect(answer.status).toBe(200);
  });
});
