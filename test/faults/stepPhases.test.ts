/**
 * @file Training jobs whose processes are hit at every phase of a step: a stage's worker or the trainer signals itself there
 * (test/harness/fates.ts), at a step, a micro-batch and a stage that the seed gives. All end with the bytes of a job that nobody
 * disturbed. libs/parallel/src/training/trainingRun.test.ts has the same of all stages, and of silent links, on a clock of its own.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DisturbedJobs, expectSameEnd, NUM_MICRO_BATCHES } from "../harness/disturbedJobs.ts";
import { Fates, type Fate, type Moment } from "../harness/fates.ts";
import { seededRandom } from "../harness/random.ts";
import { resumptionsOf } from "../harness/trainingJobs.ts";

const SEED = 20261127;
const NUM_STEPS = 12;
const CHECKPOINT_STEPS = 4;
const absent = process.platform === "linux" ? null : "skipped: processes are found in /proc";

describe.skipIf(absent !== null)(`a job hit in a phase of a step (seed ${SEED}; ${absent ?? "Linux"})`, () => {
  const random = seededRandom(SEED);
  const below = (limit: number) => Math.floor(random() * limit);
  const fates = new Fates();
  let jobs: DisturbedJobs;
  beforeAll(async () => {
    jobs = await DisturbedJobs.start({ numSteps: NUM_STEPS, checkpointSteps: CHECKPOINT_STEPS }, fates.env);
  });
  afterAll(async () => {
    await jobs[Symbol.asyncDispose]();
    fates[Symbol.dispose]();
  });

  /** In a step that has steps before and behind it. */
  function someCall(method: string): number {
    const perStep = method === "forward" || method === "backward" ? NUM_MICRO_BATCHES : 1;
    return perStep * (1 + below(NUM_STEPS - 2)) + 1 + below(perStep);
  }
  const ofStage = (method: string, moment: Moment, signal: Fate["signal"] = "SIGKILL"): Fate => ({
    victim: `stage ${below(2)}`,
    method,
    call: someCall(method),
    moment,
    signal,
  });
  const ofTrainer = (method: string, moment: Moment): Fate => ({ ...ofStage(method, moment), victim: "trainer" });
  /** After another loss. */
  const restoring = (fate: Fate): Fate => ({ ...fate, method: "restore", call: 1 });

  /** Everything came as planned, the job went on from a checkpoint, and it ends as if nothing had been. */
  async function expectUndisturbed(plan: readonly Fate[], reason: string): Promise<void> {
    fates.plan(plan);
    const id = await jobs.create();
    await expectSameEnd(jobs, id);
    expect(fates.haveCome).toEqual(plan.map(() => true));
    const resumptions = await resumptionsOf(jobs.client, id);
    expect(resumptions.map((each) => each.reason)).toEqual([reason]);
    for (const { step, steps_to_replay: replayed } of resumptions) {
      expect(step % CHECKPOINT_STEPS).toBe(0);
      expect(replayed).toBeLessThanOrEqual(CHECKPOINT_STEPS);
    }
  }

  test.each([
    ["with a micro-batch that it has just received", "forward", "before"],
    ["while it computes a micro-batch", "forward", "during"],
    ["with a micro-batch that it has not sent on", "forward", "after"],
    ["with a micro-batch that it has just sent on", "forward", "passed on"],
    ["with a gradient that it has just received", "backward", "before"],
    ["while it computes gradients", "backward", "during"],
    ["with a gradient that it has not sent back", "backward", "after"],
    ["with a gradient that it has just sent back", "backward", "passed on"],
    ["when it has all gradients, and has told nobody", "squares", "after"],
    ["when it has told that it has all gradients", "squares", "passed on"],
    ["between commit and apply", "apply", "before"],
    ["while it changes its parameters", "apply", "during"],
    ["when it has changed its parameters, and has told nobody", "apply", "after"],
  ] as const)("a stage is killed %s", async (_, method, moment) => {
    await expectUndisturbed([ofStage(method, moment)], "stage_lost");
  });

  test.each(["before", "during", "after"] as const)(
    "a stage is killed, and one while a checkpoint is restored (%s)",
    async (moment) => {
      const plan = [ofStage("backward", "during"), restoring(ofStage("restore", moment))];
      await expectUndisturbed(plan, "stage_lost");
    },
  );

  test.each([
    ["while a step is under way", "step", "during"],
    ["between a step and its commit", "step", "after"],
    ["between commit and apply", "apply", "before"],
    ["while parameters change", "apply", "during"],
    ["when parameters have changed", "apply", "after"],
  ] as const)("the trainer is killed %s", async (_, method, moment) => {
    await expectUndisturbed([ofTrainer(method, moment)], "restart");
  });

  test("the trainer is killed, and the next one while a checkpoint is restored", async () => {
    const plan = [ofTrainer("apply", "before"), restoring(ofTrainer("restore", "during"))];
    await expectUndisturbed(plan, "restart");
  });

  test.each(["forward", "backward", "apply"])("a stage stands still in %s: it is given up", async (method) => {
    await expectUndisturbed([ofStage(method, "during", "SIGSTOP")], "stage_lost");
  });
});
