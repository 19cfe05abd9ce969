import type { TrainingBatch } from "@stagecoach/transformer";
import { describe, expect, test } from "vitest";
import { StageLostError } from "../errors.ts";
import { Cluster, type SimulatedWorker } from "../testing/cluster.ts";
import { Random } from "../testing/random.ts";
import { watch } from "../testing/work.ts";

const SEED = 20261127;
const NUM_STAGES = 3;
const NUM_STEPS = 6;
/** Steps between checkpoints. */
const INTERVAL = 2;
const NUM_MICRO_BATCHES = 3;
/** Nothing takes as long, not even to notice an engine that hangs. */
const LIMIT_MS = 200_000;
const NEVER_MS = 10 * LIMIT_MS;

const microBatch = (step: number, index: number): TrainingBatch => ({
  inputIds: Int32Array.from({ length: 1 + index }, (_, token) => 100 * step + 10 * index + token),
  tokenTypeIds: new Int32Array(1 + index),
  lengths: Int32Array.of(1 + index),
  textIds: Int32Array.of(index),
  targets: {},
  counts: {},
});

type Outcome = { readonly losses: readonly number[]; readonly parameters: readonly number[] };

/** Steps as the loop of training makes them: from the last checkpoint on, and again from there when a stage is lost. */
async function train({ run, disk }: Cluster): Promise<Outcome> {
  const losses: number[] = [];
  let checkpoint: { readonly step: number; readonly files: readonly string[] } | null = null;
  const save = async (step: number) => ({ step, files: await run.save(`step-${step}`) });
  for (;;) {
    try {
      await run.up();
      if (checkpoint === null) checkpoint = await save(0);
      else await run.restore(`step-${checkpoint.step}`, checkpoint.files);
      for (let step = checkpoint.step + 1; step <= NUM_STEPS; step++) {
        const microBatches = Array.from({ length: NUM_MICRO_BATCHES }, (_, index) => microBatch(step, index));
        const { outputs, squares } = await run.step({ step, microBatches, scales: {}, schedule: "1f1b" });
        expect(Object.keys(squares)).toEqual(["stage.0", "stage.1", "stage.2"]);
        const loss = outputs.reduce((sum, { loss: each }) => sum + each!.data[0]!, 0);
        // A step that is made again gives what it gave.
        expect(loss).toBe((losses[step - 1] ??= loss));
        await run.apply({ step, learningRate: 1 / 16, gradientScale: 1 });
        if (step % INTERVAL !== 0) continue;
        await run.evaluate(microBatches[0]!, {});
        checkpoint = await save(step);
      }
      return { losses, parameters: checkpoint.files.map((file) => disk.get(`step-${NUM_STEPS}/${file}`)!) };
    } catch (error) {
      if (!(error instanceof StageLostError)) throw error;
    }
  }
}

/** What befalls a stage when one of its methods is called for the n-th time, counted over all workers of its place. */
type Fate = { readonly stage: number; readonly method: string; readonly call: number; readonly befalls: Disturbance };
type Disturbance = (worker: SimulatedWorker, cluster: Cluster) => void;

/** Trains while all that happens to its stages happens, and a supervisor starts another worker for each that is lost. */
async function trainUnder(fates: readonly Fate[]) {
  const cluster = new Cluster({ numStages: NUM_STAGES, isTraining: true });
  const calls = new Map<string, number>();
  const start = (name: string, stage: number) => {
    const worker = cluster.start(name, { replica: 0, stage });
    worker.trainingHost.onCall = (method) => {
      const call = (calls.get(`${stage} ${method}`) ?? 0) + 1;
      calls.set(`${stage} ${method}`, call);
      const due = fates.find((fate) => fate.stage === stage && fate.method === method && fate.call === call);
      due?.befalls(worker, cluster);
    };
  };
  for (let stage = 0; stage < NUM_STAGES; stage++) start(`r0s${stage}`, stage);
  const { lost } = cluster.events;
  const outcome = watch(train(cluster));
  let numReplaced = 0;
  for (let elapsedMs = 0; elapsedMs < LIMIT_MS && outcome.endings === 0; elapsedMs += 100) {
    await cluster.advance(100);
    for (; numReplaced < lost.length; numReplaced++) {
      const { workerId, place } = lost[numReplaced]!.worker;
      cluster.workerNamed(workerId)?.kill();
      start(`another-${numReplaced}`, place!.stage);
    }
  }
  return { outcome, cluster, calls };
}

const undisturbed = trainUnder([]);

async function expectUndisturbed({ outcome }: Awaited<typeof undisturbed>): Promise<void> {
  const { outcome: expected } = await undisturbed;
  expect(expected.value!.losses).toHaveLength(NUM_STEPS);
  expect(outcome).toEqual(expected);
}

const hang: Disturbance = ({ trainingHost }) => (trainingHost.runMs = NEVER_MS);
const freeze: Disturbance = (worker) => worker.freeze();
const kill: Disturbance = (worker, cluster) => {
  hang(worker, cluster);
  worker.kill();
};

const random = new Random(SEED);
/** Of all calls of this method in the run that nobody disturbed, one that comes when there are checkpoints to go back to, and steps to come. */
function someCall(method: string): number {
  const perStep = method === "forward" || method === "backward" ? NUM_MICRO_BATCHES : 1;
  return random.whole(perStep * INTERVAL + 1, perStep * (NUM_STEPS - 1));
}

describe(`a training run whose stage is lost (seed ${SEED})`, () => {
  test("is one that gives the same numbers each time", async () => {
    await expectUndisturbed(await trainUnder([]));
    const { outcome } = await undisturbed;
    expect(new Set(outcome.value!.losses).size).toBe(NUM_STEPS);
    expect(new Set(outcome.value!.parameters)).not.toContain(1);
  });

  const disturbances = { "is killed": kill, "stands still": freeze, "has an engine that hangs": hang };
  const phases = ["discard", "forward", "backward", "squares", "apply"];
  const cases = Object.keys(disturbances).flatMap((what) =>
    phases.flatMap((method) => [0, 1, 2].map((stage) => [what, method, stage, someCall(method)] as const)),
  );
  test.each(cases)("that %s in %s of stage %i (call %i) ends as one that nobody disturbed", async (...phase) => {
    const [what, method, stage, call] = phase;
    const befalls = disturbances[what as keyof typeof disturbances];
    const disturbed = await trainUnder([{ stage, method, call, befalls }]);
    expect(disturbed.cluster.events.lost.map(({ worker }) => worker.place)).toEqual([{ replica: 0, stage }]);
    await expectUndisturbed(disturbed);
  });

  test.each([0, 1, 2].flatMap((stage) => ["evaluate", "save"].map((method) => [method, stage] as const)))(
    "that is killed in %s of stage %i ends as one that nobody disturbed",
    async (method, stage) => {
      const disturbed = await trainUnder([{ stage, method, call: 2, befalls: kill }]);
      expect(disturbed.cluster.events.lost).toHaveLength(1);
      await expectUndisturbed(disturbed);
    },
  );

  test.each([0, 1, 2].flatMap((first) => [0, 1, 2].map((second) => [first, second] as const)))(
    "that is killed in apply of stage %i, and in restore of stage %i, ends as one that nobody disturbed",
    async (first, second) => {
      const disturbed = await trainUnder([
        { stage: first, method: "apply", call: someCall("apply"), befalls: kill },
        { stage: second, method: "restore", call: 1, befalls: kill },
      ]);
      expect(disturbed.cluster.events.lost).toHaveLength(2);
      await expectUndisturbed(disturbed);
    },
  );
});

describe("a training run whose link falls silent", () => {
  /** Connections in the order in which they were dialed: the one to the next stage for its output, then the one for its gradients. */
  const linkOf = (worker: SimulatedWorker, peer: string, place: number) =>
    worker.openSockets.filter((socket) => socket !== worker.control && socket.peer === peer)[place]!;
  const links = {
    "from the trainer": [0, "gateway", 0],
    "to the next stage": [0, "r0s1", 0],
    "of gradients": [0, "r0s1", 1],
    "to the trainer": [2, "gateway", 0],
  } as const;

  test.each(Object.keys(links) as (keyof typeof links)[])("(%s) is formed anew, and goes on", async (name) => {
    const [stage, peer, place] = links[name];
    const silence: Disturbance = (worker) => linkOf(worker, peer, place).silence();
    const disturbed = await trainUnder([{ stage, method: "forward", call: someCall("forward"), befalls: silence }]);
    expect(disturbed.cluster.events.lost).toEqual([]);
    expect(disturbed.cluster.events.states.filter(({ state }) => state === "up")).toHaveLength(2);
    await expectUndisturbed(disturbed);
  });
});
