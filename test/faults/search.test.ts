/** @file Searches whose processes are killed: the trials are those of a search that nobody disturbed, and so is the model. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../harness/eventually.ts";
import { seededRandom } from "../harness/random.ts";
import { createSearch, trialsOf, withoutTimes } from "../harness/searchJobs.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";
import { writeToyTexts } from "../harness/toyTexts.ts";
import { jobProcesses, modelBytes, openAi, reached, upload } from "../harness/trainingJobs.ts";

const SEED = 20261128;
const MODEL = "org/tiny";
const absent = process.platform === "linux" ? null : "skipped: processes are found in /proc";
const search = {
  strategy: "successive-halving",
  space: { learning_rate: { min: 1e-5, max: 3e-3, scale: "log" } },
  trials: 4,
  reduction_factor: 2,
  parallel: 2,
};
describe.skipIf(absent !== null)(`a search under kill -9 (seed ${SEED}; ${absent ?? "Linux"})`, () => {
  const random = seededRandom(SEED);
  let folder: string;
  let dataDir: string;
  let server: TestServer;
  let client: OpenAI;
  let file: string;
  let undisturbed: { readonly id: string; readonly trials: object[] };

  const open = async () => {
    server = await startServer({ dataDir, flags: ["--served-model-name", MODEL] });
    client = openAi(server);
  };
  const create = () =>
    createSearch(client, { model: MODEL, file }, { search, hyperparameters: { checkpoint_steps: 2 } });

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "stagecoach-search-"));
    dataDir = join(folder, "data");
    writeToyTexts(join(folder, "train.jsonl"), 128, 1);
    await open();
    file = await upload(client, join(folder, "train.jsonl"));
    const id = await create();
    await reached(client, id, "succeeded");
    undisturbed = { id, trials: withoutTimes(await trialsOf(server, id)) };
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Resolves when the trials have made so many steps together. */
  const made = (id: string, steps: number) =>
    eventually(
      async () => {
        const trials = await trialsOf(server, id);
        expect(trials.reduce((sum, { runs }) => sum + runs[0]!.step, 0)).toBeGreaterThanOrEqual(steps);
      },
      { timeout: 60_000, interval: 10 },
    );

  test("the rounds are those of successive halving", async () => {
    const steps = (await trialsOf(server, undisturbed.id)).map(({ runs }) => runs[0]!.step);
    expect(steps.toSorted((a, b) => a - b)).toEqual([6, 6, 12, 24]);
  });

  test("a worker, the trainer more often than a job may lose it without getting on, and the gateway", async () => {
    const id = await create();
    const kill = (pid: number) => pid !== -1 && process.kill(pid, "SIGKILL");
    await made(id, 1 + Math.floor(random() * 3));
    kill(jobProcesses(server, 1).workers[0]!);
    for (const steps of [8, 14, 20, 26, 32]) {
      await made(id, steps);
      kill(jobProcesses(server, 1).trainer);
    }
    await made(id, 32 + Math.floor(random() * 8));
    server.process.kill("SIGKILL");
    await server[Symbol.asyncDispose]();
    await open();
    await reached(client, id, "succeeded");
    expect(withoutTimes(await trialsOf(server, id))).toEqual(undisturbed.trials);
    expect(modelBytes(dataDir, id).equals(modelBytes(dataDir, undisturbed.id))).toBe(true);
  });
});
