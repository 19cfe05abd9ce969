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
/** Of the four trials: 6, 6, 12 and 24 of 24. */
const TOTAL_STEPS = 48;

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

  async function expectUndisturbed(id: string): Promise<void> {
    await reached(client, id, "succeeded");
    expect(withoutTimes(await trialsOf(server, id))).toEqual(undisturbed.trials);
    expect(modelBytes(dataDir, id).equals(modelBytes(dataDir, undisturbed.id))).toBe(true);
  }

  const someSteps = () => 1 + Math.floor(random() * TOTAL_STEPS * 0.7);

  test("the rounds are those of successive halving", async () => {
    const steps = (await trialsOf(server, undisturbed.id)).map(({ runs }) => runs[0]!.step);
    expect(steps.toSorted((a, b) => a - b)).toEqual([6, 6, 12, 24]);
  });

  test("a worker of a trial", async () => {
    const id = await create();
    await made(id, someSteps());
    const [worker] = jobProcesses(server, 1).workers;
    if (worker !== -1) process.kill(worker!, "SIGKILL");
    await expectUndisturbed(id);
  });

  test("the trainer, more often than a job may lose it without getting on", async () => {
    const id = await create();
    for (const steps of [4, 10, 16, 22, 28]) {
      await made(id, steps);
      const { trainer } = jobProcesses(server, 1);
      if (trainer !== -1) process.kill(trainer, "SIGKILL");
    }
    await expectUndisturbed(id);
  });

  test("the gateway: the next one goes on", async () => {
    const id = await create();
    await made(id, someSteps());
    server.process.kill("SIGKILL");
    await server[Symbol.asyncDispose]();
    await open();
    await expectUndisturbed(id);
  });
});
