/** @file Training jobs whose processes are killed or stand still: the model has the bytes of a run that nobody disturbed. */
import { readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DisturbedJobs, expectSameEnd } from "../harness/disturbedJobs.ts";
import { metric } from "../harness/load.ts";
import { seededRandom } from "../harness/random.ts";
import { gone, jobProcesses, lastStepOf, madeStep, resumptionsOf, servingWorkers } from "../harness/trainingJobs.ts";
import { eventually } from "../harness/eventually.ts";

const SEED = 20261126;
const NUM_STEPS = 90;
const CHECKPOINT_STEPS = 10;
const absent = process.platform === "linux" ? null : "skipped: processes are found in /proc";

describe.skipIf(absent !== null)(`a training job under kill -9 and -STOP (seed ${SEED}; ${absent ?? "Linux"})`, () => {
  const random = seededRandom(SEED);
  let jobs: DisturbedJobs;

  /** A step from the first to well before the last. */
  const someStep = () => 1 + Math.floor(random() * (NUM_STEPS * 0.6));

  /** Creates a job, and kills at a seeded moment what the test says. @returns the job's id, and the step that was made last */
  async function killed(
    pidsOf: () => readonly number[],
    signal: "SIGKILL" | "SIGSTOP" = "SIGKILL",
  ): Promise<{ id: string; step: number }> {
    const id = await jobs.create();
    await madeStep(jobs.dataDir, id, someStep());
    const pids = pidsOf();
    expect(pids).not.toContain(-1);
    for (const pid of pids) process.kill(pid, signal);
    return { id, step: lastStepOf(jobs.dataDir, id) };
  }

  /** The same bytes, and the numbers of every step once. */
  async function expectUndisturbed(id: string): Promise<void> {
    const { result_files: results } = await expectSameEnd(jobs, id);
    const rows = (await (await jobs.client.files.content(results[0]!)).text()).trimEnd().split("\n").slice(1);
    expect(rows.map((row) => Number(row.split(",")[0]))).toEqual(
      Array.from({ length: NUM_STEPS }, (_, row) => row + 1),
    );
  }

  /** One for each kill; none costs more steps than a checkpoint's distance. */
  async function expectResumptions(id: string, reasons: readonly string[]): Promise<void> {
    const resumptions = await resumptionsOf(jobs.client, id);
    expect(resumptions.map(({ reason }) => reason)).toEqual(reasons);
    for (const { step, steps_to_replay } of resumptions) {
      expect(step % CHECKPOINT_STEPS).toBe(0);
      expect(steps_to_replay).toBeGreaterThanOrEqual(0);
      expect(steps_to_replay).toBeLessThanOrEqual(CHECKPOINT_STEPS);
    }
  }

  const replayedSteps = async () =>
    metric(await (await jobs.server.get("/metrics")).text(), "stagecoach_job_replayed_steps_total");

  /** The server's counter has grown by the steps that the job's events tell of. */
  async function expectReplays(id: string, before: number): Promise<void> {
    const told = (await resumptionsOf(jobs.client, id)).map(({ steps_to_replay: steps }) => steps);
    expect((await replayedSteps()) - before).toBe(told.reduce((sum, steps) => sum + steps, 0));
  }

  beforeAll(async () => {
    jobs = await DisturbedJobs.start({ numSteps: NUM_STEPS, checkpointSteps: CHECKPOINT_STEPS });
    await expectResumptions(jobs.undisturbed.id, []);
  });
  afterAll(() => jobs[Symbol.asyncDispose]());

  test.each([0, 1])("the worker of stage %i", async (stage) => {
    const before = await replayedSteps();
    const { id, step } = await killed(() => [jobProcesses(jobs.server).workers[stage]!]);
    const { trainer } = jobProcesses(jobs.server);
    await madeStep(jobs.dataDir, id, step + 1);
    expect(jobProcesses(jobs.server).trainer).toBe(trainer);
    await expectUndisturbed(id);
    await expectResumptions(id, ["stage_lost"]);
    await expectReplays(id, before);
  });

  test.each([0, 1])("the worker of stage %i stands still (kill -STOP): it is given up and replaced", async (stage) => {
    let stuck = -1;
    const { id, step } = await killed(() => [(stuck = jobProcesses(jobs.server).workers[stage]!)], "SIGSTOP");
    const { trainer } = jobProcesses(jobs.server);
    await madeStep(jobs.dataDir, id, step + 1);
    await gone([stuck]);
    expect(jobProcesses(jobs.server).trainer).toBe(trainer);
    await expectUndisturbed(id);
    await expectResumptions(id, ["stage_lost"]);
  });

  test("every stage's worker at once", async () => {
    const { id } = await killed(() => jobProcesses(jobs.server).workers);
    await expectUndisturbed(id);
    await expectResumptions(id, ["stage_lost"]);
  });

  test("the trainer: another one goes on, and its workers end", async () => {
    let workers: readonly number[] = [];
    const before = await replayedSteps();
    const { id } = await killed(() => {
      const processes = jobProcesses(jobs.server);
      ({ workers } = processes);
      return [processes.trainer];
    });
    await gone(workers);
    await expectUndisturbed(id);
    await expectResumptions(id, ["restart"]);
    await expectReplays(id, before);
  });

  test("the trainer stands still (kill -STOP): it is given up, and another one goes on", async () => {
    let stuck: readonly number[] = [];
    const { id } = await killed(() => {
      const { trainer, workers } = jobProcesses(jobs.server);
      stuck = [trainer, ...workers];
      return [trainer];
    }, "SIGSTOP");
    await gone(stuck);
    await expectUndisturbed(id);
    await expectResumptions(id, ["restart"]);
  });

  test("one after another, in an order that the seed gives", async () => {
    const id = await jobs.create();
    const reasons: string[] = [];
    for (let kill = 0, step = 0; kill < 4; kill++) {
      step += 5 + Math.floor(random() * 12);
      await madeStep(jobs.dataDir, id, step);
      const { trainer, workers } = jobProcesses(jobs.server);
      const victims = [trainer, ...workers];
      const victim = victims[Math.floor(random() * victims.length)]!;
      expect(victim).toBeGreaterThan(0);
      process.kill(victim, "SIGKILL");
      reasons.push(victim === trainer ? "restart" : "stage_lost");
      await eventually(async () => expect(await resumptionsOf(jobs.client, id)).toHaveLength(kill + 1), {
        timeout: 30_000,
      });
    }
    await expectUndisturbed(id);
    await expectResumptions(id, reasons);
  });

  test("the gateway: its trainer and all workers end, and the next gateway goes on", async () => {
    let rest: number[] = [];
    const { id } = await killed(() => {
      const { trainer, workers } = jobProcesses(jobs.server);
      rest = [trainer, ...workers, ...servingWorkers(jobs.server)];
      return [jobs.server.process.pid!];
    });
    await gone(rest);
    await jobs.open();
    await expectUndisturbed(id);
    await expectResumptions(id, ["restart"]);
  });

  test("the gateway, and the next one starts at once", async () => {
    const { id } = await killed(() => [jobs.server.process.pid!]);
    await jobs.open();
    await expectUndisturbed(id);
    await expectResumptions(id, ["restart"]);
  });

  test("everything at once, and nothing is left behind", async () => {
    const { id } = await killed(() => {
      const { trainer, workers } = jobProcesses(jobs.server);
      return [jobs.server.process.pid!, trainer, ...workers, ...servingWorkers(jobs.server)];
    });
    await jobs.open();
    await expectUndisturbed(id);
    await expectResumptions(id, ["restart"]);
    expect(readdirSync(jobs.folderOf(id)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    await gone([jobProcesses(jobs.server).trainer]);
  });
});
