/** @file `--training-stages`, `--training-threads` and `--training-niceness` reach the processes of a job. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nicenessOf, threadsOf } from "../harness/processes.ts";
import { startServer } from "../harness/startServer.ts";
import { writeToyTexts } from "../harness/toyTexts.ts";
import { createJob, gone, jobProcesses, madeStep, openAi, servingWorkers, upload } from "../harness/trainingJobs.ts";

const MODEL = "org/tiny";
/** Would take minutes; it is cancelled when its processes have been looked at. */
const hyperparameters = { max_steps: 20_000, batch_size: 8 };
const absent = process.platform === "linux" ? null : "skipped: processes are found in /proc";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "stagecoach-flags-"));
  writeToyTexts(join(folder, "train.jsonl"), 64, 1);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Look = {
  /** What the job says; null: nothing. */
  readonly stages?: number | null;
  /** What runs the server. */
  readonly within?: readonly string[];
};

/** What the processes of a job are on a server with these flags. */
async function lookAtJob(flags: readonly string[], { stages = null, within = [] }: Look = {}) {
  await using server = await startServer({ flags: ["--served-model-name", MODEL, ...flags], within });
  const client = openAi(server);
  const file = await upload(client, join(folder, "train.jsonl"));
  const id = await createJob(client, { model: MODEL, file }, { stages, hyperparameters });
  await madeStep(server.dataDir, id, 3);
  const { trainer, workers } = jobProcesses(server, 4);
  const living = workers.filter((pid) => pid > 0);
  const ofProcess = (pid: number) => nicenessOf(`/proc/${pid}`);
  // A thread may have ended since it was listed.
  const ofThreads = (pid: number) => [...new Set(threadsOf(pid).map(nicenessOf).filter(Number.isInteger))];
  const { method } = await client.fineTuning.jobs.retrieve(id);
  const settings = JSON.parse(readFileSync(join(server.dataDir, "jobs", id, "training.json"), "utf8")) as {
    readonly threads: number;
  };
  const seen = {
    numStages: living.length,
    toldStages: (method!.supervised as { readonly stages?: number }).stages,
    toldThreads: settings.threads,
    threads: living.map((pid) => threadsOf(pid).length),
    niceness: [trainer, ...living].map(ofProcess),
    threadNiceness: [trainer, ...living].map(ofThreads),
    servingNiceness: [server.process.pid!, ...servingWorkers(server)].map(ofProcess),
  };
  await client.fineTuning.jobs.cancel(id);
  await gone([trainer, ...living]);
  return seen;
}

describe.skipIf(absent !== null)(`flags of training (${absent ?? "Linux"})`, () => {
  const own = nicenessOf(`/proc/${process.pid}`);

  test("stages, threads and niceness are those of the flags", async () => {
    const few = await lookAtJob(["--training-stages", "2", "--training-threads", "1", "--training-niceness", "7"]);
    expect(few).toMatchObject({ numStages: 2, toldStages: 2, toldThreads: 1 });
    expect(few.niceness).toEqual([own + 7, own + 7, own + 7]);
    // Also the threads that compute, not only those that wait for them.
    expect(few.threadNiceness).toEqual([[own + 7], [own + 7], [own + 7]]);
    expect(few.servingNiceness).toEqual([own, own]);

    const flags = ["--training-stages", "2", "--training-threads", "4", "--training-niceness", "0"];
    const many = await lookAtJob(flags, { stages: 1 });
    expect(many).toMatchObject({ numStages: 1, toldStages: 1, toldThreads: 4, niceness: [own, own] });
    // Three more in the engine's pool, at least.
    expect(many.threads[0]! - few.threads[0]!).toBeGreaterThanOrEqual(3);
  });

  test("without flags a job has one stage, all cores, and stands back", async () => {
    const seen = await lookAtJob([]);
    const threads = availableParallelism();
    expect(seen).toMatchObject({ numStages: 1, toldStages: 1, toldThreads: threads, niceness: [own + 10, own + 10] });
  });

  test("niceness is added to that of a server which itself stands back, up to the most there is", async () => {
    const flags = ["--training-niceness", "7"];
    const nice = await lookAtJob(flags, { within: ["nice", "-n", "5"] });
    expect([nice.servingNiceness, nice.niceness]).toEqual([
      [own + 5, own + 5],
      [own + 12, own + 12],
    ]);
    expect((await lookAtJob(flags, { within: ["nice", "-n", "15"] })).niceness).toEqual([19, 19]);
  });
});
