import { describe, expect, test } from "vitest";
import type { TrainingBatch } from "@stagecoach/transformer";
import { StageLostError } from "../errors.ts";
import { Cluster } from "../testing/cluster.ts";
import { watch } from "../testing/work.ts";

const batch: TrainingBatch = {
  inputIds: Int32Array.of(5),
  tokenTypeIds: Int32Array.of(0),
  lengths: Int32Array.of(1),
  textIds: Int32Array.of(0),
  targets: {},
  counts: {},
};
const step = { step: 1, microBatches: [batch], scales: {}, schedule: "1f1b" } as const;
const update = { step: 1, learningRate: 1, gradientScale: 1 };

/** A pipeline of two stages that has made one step, and has saved what it has learnt. */
async function trained() {
  const cluster = new Cluster({ numStages: 2, isTraining: true });
  cluster.startAll();
  const { run } = cluster;
  const done = async <T>(asking: Promise<T>) => {
    const outcome = watch(asking);
    await cluster.advance(1000);
    return outcome;
  };
  const lossOf = async () => (await done(run.evaluate(batch, {}))).value?.loss?.data[0];
  await done(run.up());
  const before = await lossOf();
  await done(run.step(step));
  await done(run.apply(update));
  const loss = await lossOf();
  expect(loss).not.toBe(before);
  const { value: files = [] } = await done(run.save("first"));
  return { cluster, run, done, files, loss, lossOf };
}

/** Another worker takes the place of one that dies. */
async function replace(cluster: Cluster, stage: number): Promise<void> {
  cluster.workerNamed(`r0s${stage}`)!.kill();
  await cluster.network.settle();
  cluster.start("another", { replica: 0, stage });
  await cluster.advance(1000);
  expect(cluster.states).toEqual(["up"]);
}

describe("a training pipeline", () => {
  test.each([0, 1])("that lost stage %i between two questions answers none before it is restored", async (stage) => {
    const { cluster, run, done, files, loss, lossOf } = await trained();
    await replace(cluster, stage);
    const questions = [
      () => run.apply(update),
      () => run.evaluate(batch, {}),
      () => run.step(step),
      () => run.save("second"),
    ];
    for (const ask of questions) expect((await done<unknown>(ask())).error).toBeInstanceOf(StageLostError);
    expect(cluster.disk.size).toBe(2);
    expect(await done(run.up())).toEqual({ endings: 1 });
    expect(await done(run.restore("first", files))).toEqual({ endings: 1 });
    expect(await lossOf()).toBe(loss);
  });
});

describe("RemoteTrainingPipeline.up()", () => {
  test("throws the reason of a signal that was aborted before", async () => {
    const { run } = await trained();
    await expect(run.up(AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
  });

  test("throws the reason of a signal that is aborted meanwhile", async () => {
    const { run } = new Cluster({ numStages: 2, isTraining: true });
    const controller = new AbortController();
    const up = run.up(controller.signal);
    controller.abort(new Error("enough"));
    await expect(up).rejects.toThrow("enough");
  });

  test("throws when a stage is lost while it loads, each time", async () => {
    const cluster = new Cluster({ numStages: 2, isTraining: true });
    const [, second] = cluster.startAll();
    for (const worker of cluster.workers) worker.trainingHost.runMs = 5000;
    let loading = second!;
    for (const name of ["another", "a third one"]) {
      const up = watch(cluster.run.up());
      await cluster.advance(1000);
      expect(up.endings).toBe(0);
      loading.kill();
      await cluster.network.settle();
      expect(up.error).toMatchObject({ code: "stage_lost", stage: 1 });
      loading = cluster.start(name, { replica: 0, stage: 1 });
    }
    const up = watch(cluster.run.up());
    await cluster.advance(20_000);
    expect(up).toEqual({ endings: 1 });
  });

  test("throws when a stage has had no worker for half a minute", async () => {
    const cluster = new Cluster({ numStages: 2, isTraining: true });
    cluster.start("first", { replica: 0, stage: 0 });
    const up = watch(cluster.run.up());
    await cluster.advance(29_000);
    expect(up.endings).toBe(0);
    await cluster.advance(2000);
    expect(up.error).toMatchObject({ code: "stage_lost", stage: 1 });
  });

  test("waits for layers that take long to load, once every stage has a worker", async () => {
    const cluster = new Cluster({ numStages: 2, isTraining: true });
    cluster.start("first", { replica: 0, stage: 0 });
    const up = watch(cluster.run.up());
    await cluster.advance(25_000);
    cluster.start("second", { replica: 0, stage: 1 }).trainingHost.runMs = 8000;
    await cluster.advance(7000);
    expect(up.endings).toBe(0);
    await cluster.advance(2000);
    expect(up).toEqual({ endings: 1 });
  });
});
