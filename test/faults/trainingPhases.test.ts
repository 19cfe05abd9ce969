/**
 * @file Training jobs whose processes are killed while something is half written: a checkpoint, the finished model, the model's lasting
 * place. All processes are stopped first, and are killed only when that is where they stand.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openSafetensors } from "@stagecoach/transformer/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DisturbedJobs, expectSameEnd } from "../harness/disturbedJobs.ts";
import { freezeAt } from "../harness/freeze.ts";
import { seededRandom } from "../harness/random.ts";
import {
  eventsOf,
  gone,
  jobProcesses,
  madeStep,
  reached,
  resumptionsOf,
  servingWorkers,
} from "../harness/trainingJobs.ts";
import { eventually } from "../harness/eventually.ts";

const SEED = 1;
const NUM_STEPS = 40;
const CHECKPOINT_STEPS = 5;
const WAIT = { timeout: 30_000, interval: 10 };
/** Jobs to try until one is caught where the test wants it. */
const MAX_JOBS = 5;
const absent = process.platform === "linux" ? null : "skipped: processes are found in /proc";

type Victim = "a training stage" | "a serving stage" | "the trainer" | "everything";

describe.skipIf(absent !== null)(`a job killed while it writes (${absent ?? "Linux"})`, () => {
  let jobs: DisturbedJobs;

  const modelNames = async () => (await jobs.client.models.list()).data.map(({ id }) => id);

  /** What has a checkpoint's or a model's name is one, whatever else is there. */
  async function expectWholeOnDisk(id: string): Promise<void> {
    const checkpoints = join(jobs.folderOf(id), "checkpoints");
    for (const name of readdirSync(checkpoints).filter((each) => !each.endsWith(".tmp"))) {
      const json = readFileSync(join(checkpoints, name, "checkpoint.json"), "utf8");
      const { files, state } = JSON.parse(json) as { files: string[]; state: { step: number } };
      expect([name, files.length]).toEqual([`step-${state.step}`, 2]);
      for (const each of files) await (await openSafetensors(join(checkpoints, name, each))).close();
    }
    const models = [join(jobs.folderOf(id), "model"), join(jobs.dataDir, "models", id)];
    for (const model of models.filter((each) => existsSync(each))) await (await openSafetensors(model)).close();
  }

  /** Clients see checkpoints that are on the disk, and no model before the job has succeeded. */
  async function expectWholeToClients(id: string): Promise<void> {
    const listed = (await jobs.client.fineTuning.jobs.checkpoints.list(id)).data;
    for (const { step_number: step } of listed)
      expect(existsSync(join(jobs.folderOf(id), "checkpoints", `step-${step}`, "checkpoint.json"))).toBe(true);
    const { status, fine_tuned_model: name } = await jobs.client.fineTuning.jobs.retrieve(id);
    expect(name === null).toBe(status !== "succeeded");
    if (name !== null) expect(await modelNames()).toContain(name);
  }

  /** The same bytes as without a kill, every step in the log once, and nothing half written left. */
  async function expectUndisturbed(id: string): Promise<void> {
    const job = await expectSameEnd(jobs, id);
    const rest = readdirSync(jobs.folderOf(id), { recursive: true, encoding: "utf8" });
    expect(rest.filter((name) => name.endsWith(".tmp"))).toEqual([]);
    await expectWholeOnDisk(id);
    const told = (await eventsOf(jobs.client, id)).map(({ message }) => message);
    for (const once of ["The model is written", "The job has successfully completed"])
      expect(told.filter((message) => message === once)).toHaveLength(1);
    const answer = await jobs.server.post("/predict", { inputs: "stag", model: job.fine_tuned_model });
    expect(answer.status).toBe(200);
  }

  /** Waits until a job is where the test wants it. @returns what stands still, or null when it was too fast */
  type Catch = (id: string) => Promise<Disposable | null>;

  /** Once there is a trainer again. */
  const processes = async () => {
    const { trainer, workers } = await eventually(() => {
      const found = jobProcesses(jobs.server);
      expect(found.trainer).toBeGreaterThan(0);
      return found;
    }, WAIT);
    return [jobs.server.process.pid!, trainer, ...workers].filter((pid) => pid > 0);
  };
  /** While a checkpoint is being saved: that of a step which the seed gives, or the next one that is caught. */
  const saving =
    (firstStep: number): Catch =>
    async (id) => {
      await madeStep(jobs.dataDir, id, 1);
      for (let step = firstStep; step < NUM_STEPS; step += CHECKPOINT_STEPS) {
        const path = join(jobs.folderOf(id), "checkpoints", `step-${step}.tmp`);
        const frozen = await freezeAt(path, await processes());
        if (frozen !== null) return frozen;
      }
      return null;
    };
  const exporting: Catch = async (id) => freezeAt(join(jobs.folderOf(id), "model.tmp"), await processes());
  /** The gateway gives the model its lasting place. */
  const finishing: Catch = (id) => freezeAt(join(jobs.dataDir, "models", id), [jobs.server.process.pid!]);

  function pidsOf(victim: Victim, stage: number): readonly number[] {
    const { trainer, workers } = jobProcesses(jobs.server);
    const serving = servingWorkers(jobs.server);
    const pids: Readonly<Record<Victim, readonly number[]>> = {
      "a training stage": [workers[stage]!],
      "a serving stage": [serving[stage]!],
      "the trainer": [trainer],
      everything: [jobs.server.process.pid!, trainer, ...workers, ...serving].filter((pid) => pid > 0),
    };
    return pids[victim];
  }

  /** Kills while the rest stands still. */
  async function kill(frozen: Disposable, id: string, pids: readonly number[]): Promise<void> {
    using _ = frozen;
    expect(pids.length).toBeGreaterThan(0);
    for (const pid of pids) expect(pid).toBeGreaterThan(0);
    await expectWholeOnDisk(id);
    for (const pid of pids) process.kill(pid, "SIGKILL");
    await gone(pids);
  }

  /** Creates jobs until one is caught at every place, and kills there; the rest goes on. @returns the job's id */
  async function killed(kills: readonly (readonly [Victim, Catch])[], stage: number): Promise<string> {
    for (let number = 0; number < MAX_JOBS; number++) {
      const id = await jobs.create();
      let isCaught = true;
      for (const [victim, at] of kills) {
        const frozen = await at(id);
        isCaught &&= frozen !== null;
        if (frozen === null) break;
        await kill(frozen, id, pidsOf(victim, stage));
        if (victim === "everything") await jobs.open();
        await expectWholeToClients(id);
      }
      if (isCaught) return id;
      await reached(jobs.client, id, "succeeded");
    }
    throw new Error(`none of ${MAX_JOBS} jobs was caught in time`);
  }

  beforeAll(async () => {
    jobs = await DisturbedJobs.start({ numSteps: NUM_STEPS, checkpointSteps: CHECKPOINT_STEPS });
    await expectWholeOnDisk(jobs.undisturbed.id);
  });
  afterAll(() => jobs[Symbol.asyncDispose]());

  describe(`seed ${SEED}`, () => {
    const random = seededRandom(SEED);
    const below = (limit: number) => Math.floor(random() * limit);

    const firstStep = () => CHECKPOINT_STEPS * (1 + below(4));

    /** One resumption, from the checkpoint before the one that was half written; none while model and place are written. */
    async function expectOneReplay(id: string, reason: string): Promise<void> {
      await expectUndisturbed(id);
      const resumptions = await resumptionsOf(jobs.client, id);
      expect(resumptions.map((each) => each.reason)).toEqual([reason]);
      const [{ step, steps_to_replay: replayed } = expect.fail("no resumption")] = resumptions;
      expect([step % CHECKPOINT_STEPS, replayed]).toEqual([0, CHECKPOINT_STEPS]);
    }

    test("a stage that trains, while a checkpoint is saved; one that serves, while the model is exported", async () => {
      const kills = [["a training stage", saving(firstStep())] as const, ["a serving stage", exporting] as const];
      await expectOneReplay(await killed(kills, below(2)), "stage_lost");
    });

    test("the trainer, while a checkpoint is saved, and while the model is exported", async () => {
      const kills = [["the trainer", saving(firstStep())] as const, ["the trainer", exporting] as const];
      await expectOneReplay(await killed(kills, 0), "restart");
    });

    test("everything, while a checkpoint is saved, the model is exported, and gets its lasting place", async () => {
      const places = [saving(firstStep()), exporting, finishing];
      const id = await killed(
        places.map((at) => ["everything", at] as const),
        0,
      );
      await expectOneReplay(id, "restart");
      const { fine_tuned_model: name } = await jobs.client.fineTuning.jobs.retrieve(id);
      expect((await modelNames()).filter((each) => each === name)).toEqual([name]);
    });
  });
});
