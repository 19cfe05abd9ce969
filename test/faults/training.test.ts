/** @file Training jobs whose processes are killed: the model has the bytes of a run that nobody disturbed. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { seededRandom } from "../harness/random.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";
import { writeToyTexts } from "../harness/toyTexts.ts";
import {
  createJob,
  gone,
  jobProcesses,
  lastStepOf,
  madeStep,
  modelBytes,
  openAi,
  reached,
  resumptionsOf,
  servingWorkers,
  upload,
} from "../harness/trainingJobs.ts";

const SEED = 20261126;
const NUM_STEPS = 90;
const CHECKPOINT_STEPS = 10;
const MODEL = "org/tiny";
const absent = process.platform === "linux" ? null : "skipped: processes are found in /proc";

describe.skipIf(absent !== null)(`a training job under kill -9 (seed ${SEED}; ${absent ?? "Linux"})`, () => {
  const random = seededRandom(SEED);
  let [folder, dataDir, file] = ["", "", ""];
  let server: TestServer;
  let client: OpenAI;
  let undisturbed: { bytes: Buffer; log: string };

  const open = async () => {
    server = await startServer({ dataDir, flags: ["--stages", "2", "--served-model-name", MODEL] });
    client = openAi(server);
  };
  const create = () =>
    createJob(
      client,
      { model: MODEL, file },
      {
        seed: 7,
        hyperparameters: {
          max_steps: NUM_STEPS,
          batch_size: 8,
          micro_batches: 4,
          checkpoint_steps: CHECKPOINT_STEPS,
          learning_rate: 1e-3,
          dropout: 0.1,
          attention_dropout: 0.1,
        },
      },
    );
  const logOf = (id: string) => readFileSync(join(dataDir, "jobs", id, "steps.jsonl"), "utf8");
  /** A step from the first to well before the last. */
  const someStep = () => 1 + Math.floor(random() * (NUM_STEPS * 0.6));

  /** Creates a job, and kills at a seeded moment what the test says. @returns the job's id, and the step that was made last */
  async function killed(pidsOf: () => readonly number[]): Promise<{ id: string; step: number }> {
    const id = await create();
    await madeStep(dataDir, id, someStep());
    const pids = pidsOf();
    expect(pids).not.toContain(-1);
    for (const pid of pids) process.kill(pid, "SIGKILL");
    return { id, step: lastStepOf(dataDir, id) };
  }

  /** The same bytes, and the numbers of every step once. */
  async function expectUndisturbed(id: string): Promise<void> {
    const { result_files: results } = await reached(client, id, "succeeded");
    expect(logOf(id)).toBe(undisturbed.log);
    const rows = (await (await client.files.content(results[0]!)).text()).trimEnd().split("\n").slice(1);
    expect(rows.map((row) => Number(row.split(",")[0]))).toEqual(
      Array.from({ length: NUM_STEPS }, (_, row) => row + 1),
    );
    expect(modelBytes(dataDir, id).equals(undisturbed.bytes)).toBe(true);
  }

  /** One for each kill; none costs more steps than a checkpoint's distance. */
  async function expectResumptions(id: string, reasons: readonly string[]): Promise<void> {
    const resumptions = await resumptionsOf(client, id);
    expect(resumptions.map(({ reason }) => reason)).toEqual(reasons);
    for (const { step, steps_to_replay } of resumptions) {
      expect(step % CHECKPOINT_STEPS).toBe(0);
      expect(steps_to_replay).toBeGreaterThanOrEqual(0);
      expect(steps_to_replay).toBeLessThanOrEqual(CHECKPOINT_STEPS);
    }
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "stagecoach-kills-"));
    dataDir = join(folder, "data");
    writeToyTexts(join(folder, "train.jsonl"), 64, 1);
    await open();
    file = await upload(client, join(folder, "train.jsonl"));
    const id = await create();
    await reached(client, id, "succeeded");
    undisturbed = { bytes: modelBytes(dataDir, id), log: logOf(id) };
    await expectResumptions(id, []);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  test.each([0, 1])("the worker of stage %i", async (stage) => {
    const { id, step } = await killed(() => [jobProcesses(server).workers[stage]!]);
    const { trainer } = jobProcesses(server);
    await madeStep(dataDir, id, step + 1);
    expect(jobProcesses(server).trainer).toBe(trainer);
    await expectUndisturbed(id);
    await expectResumptions(id, ["stage_lost"]);
  });

  test("every stage's worker at once", async () => {
    const { id } = await killed(() => jobProcesses(server).workers);
    await expectUndisturbed(id);
    await expectResumptions(id, ["stage_lost"]);
  });

  test("the trainer: another one goes on, and its workers end", async () => {
    let workers: readonly number[] = [];
    const { id } = await killed(() => {
      const processes = jobProcesses(server);
      ({ workers } = processes);
      return [processes.trainer];
    });
    await gone(workers);
    await expectUndisturbed(id);
    await expectResumptions(id, ["restart"]);
  });

  test("one after another, in an order that the seed gives", async () => {
    const id = await create();
    const reasons: string[] = [];
    for (let kill = 0, step = 0; kill < 4; kill++) {
      step += 5 + Math.floor(random() * 12);
      await madeStep(dataDir, id, step);
      const { trainer, workers } = jobProcesses(server);
      const victims = [trainer, ...workers];
      const victim = victims[Math.floor(random() * victims.length)]!;
      expect(victim).toBeGreaterThan(0);
      process.kill(victim, "SIGKILL");
      reasons.push(victim === trainer ? "restart" : "stage_lost");
      await vi.waitFor(async () => expect(await resumptionsOf(client, id)).toHaveLength(kill + 1), { timeout: 30_000 });
    }
    await expectUndisturbed(id);
    await expectResumptions(id, reasons);
  });

  test("the gateway: its trainer and all workers end, and the next gateway goes on", async () => {
    let rest: number[] = [];
    const { id } = await killed(() => {
      const { trainer, workers } = jobProcesses(server);
      rest = [trainer, ...workers, ...servingWorkers(server)];
      return [server.process.pid!];
    });
    await gone(rest);
    await open();
    await expectUndisturbed(id);
    await expectResumptions(id, ["restart"]);
  });

  test("the gateway, and the next one starts at once", async () => {
    const { id } = await killed(() => [server.process.pid!]);
    await open();
    await expectUndisturbed(id);
    await expectResumptions(id, ["restart"]);
  });

  test("everything at once, and nothing is left behind", async () => {
    const { id } = await killed(() => {
      const { trainer, workers } = jobProcesses(server);
      return [server.process.pid!, trainer, ...workers, ...servingWorkers(server)];
    });
    await open();
    await expectUndisturbed(id);
    await expectResumptions(id, ["restart"]);
    expect(readdirSync(join(dataDir, "jobs", id)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    await gone([jobProcesses(server).trainer]);
  });
});
