import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { StageLanes } from "./stageLanes.ts";
import { StageThread } from "./stageThread.ts";

/** Four layers, 32 dimensions, texts of up to 96 tokens, ids below 200 (tools/oracles/sentence_encoder.py). */
const folder = join(import.meta.dirname, "../../../../test/fixtures/tiny-encoder");
const engine = "onnxruntime";
const FURTHER = 7;

/** `count` texts of 96 tokens. */
function batchOf(count: number, first = 5) {
  const inputIds = Int32Array.from({ length: 96 * count }, (_, row) => first + (((row % 96) * 7) % 150));
  return { lengths: new Int32Array(count).fill(96), inputIds, tokenTypeIds: new Int32Array(96 * count) };
}

/** Lets what was handed over begin. */
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

describe("StageLanes", () => {
  const lanes = new StageLanes({ engine, threads: 2 });
  beforeAll(() => lanes.load({ folder, engine, threads: 2 }));
  afterAll(() => lanes.stop());

  test("has a lane for each thread", () => {
    expect([lanes.numLanes, lanes.numPlaces]).toEqual([2, 2]);
  });

  test("gives the bytes of one thread, whether a micro-batch is alone or not", async () => {
    const single = new StageThread({ engine, threads: 1 });
    await single.load({ folder, engine, threads: 1 });
    const seeds = [5, 6, 7, 8, 9, 10, 11];
    const expected = [];
    for (const seed of seeds) expected.push((await single.run(batchOf(3, seed), "sentence")).data);
    const together = await Promise.all(seeds.map((seed) => lanes.run(batchOf(3, seed), "sentence")));
    expect(together.map(({ data }) => data)).toEqual(expected);
    const alone = await lanes.run(batchOf(3, seeds[0]), "sentence");
    expect(alone.data).toEqual(expected[0]);
    await single.stop();
  });

  test("works on several at a time: a small one overtakes a large one beside it", async () => {
    const order: string[] = [];
    const large = lanes.run(batchOf(200), "sentence").then(() => order.push("large"));
    const small = lanes.run(batchOf(1), "sentence").then(() => order.push("small"));
    await Promise.all([large, small]);
    expect(order).toEqual(["small", "large"]);
  });

  test("gives all threads to one that is alone: what comes later waits for it", async () => {
    const order: string[] = [];
    const large = lanes.run(batchOf(200), "sentence").then(() => order.push("large"));
    await nextTurn();
    const small = lanes.run(batchOf(1), "sentence").then(() => order.push("small"));
    await Promise.all([large, small]);
    expect(order).toEqual(["large", "small"]);
  });

  test("gives a lane each to one that waited and to one that is handed over when a result leaves", async () => {
    const order: string[] = [];
    const alone = lanes.run(batchOf(20), "sentence");
    await nextTurn();
    const large = lanes.run(batchOf(200), "sentence").then(() => order.push("large"));
    await alone;
    // A worker sends the result on before it hands over the next one.
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    const small = lanes.run(batchOf(1), "sentence").then(() => order.push("small"));
    await Promise.all([large, small]);
    expect(order).toEqual(["small", "large"]);
  });

  test("serves several models at the same time, and forgets the one that is unloaded", async () => {
    await lanes.load({ model: FURTHER, folder, layers: { start: 0, end: 2 }, engine, threads: 2 });
    const runs = [0, 1, 2, 3].map((index) =>
      index % 2 === 0 ? lanes.run(batchOf(2), "sentence") : lanes.run(batchOf(2), "hidden", FURTHER),
    );
    const shapes = (await Promise.all(runs)).map(({ shape }) => shape);
    expect(shapes).toEqual([
      [2, 32],
      [192, 32],
      [2, 32],
      [192, 32],
    ]);
    await lanes.unload(FURTHER);
    const failed = [lanes.run(batchOf(1), "hidden", FURTHER), lanes.run(batchOf(1), "hidden", FURTHER)];
    for (const each of failed) await expect(each).rejects.toThrow(/before it was loaded/);
    expect((await lanes.run(batchOf(1), "sentence")).shape).toEqual([1, 32]);
  });

  test("rejects what cannot be run and goes on with the others", async () => {
    const wrong = batchOf(1);
    wrong.inputIds[3] = 200;
    const runs = [lanes.run(batchOf(1), "sentence"), lanes.run(wrong, "sentence"), lanes.run(batchOf(1), "sentence")];
    const results = await Promise.allSettled(runs);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(lanes.runningMs).toBe(0);
  });
});

describe("a lane that is the only one", () => {
  test("has its next micro-batch at hand, and no more", async () => {
    const lanes = new StageLanes({ engine, threads: 1 });
    await lanes.load({ folder, engine, threads: 1 });
    expect([lanes.numLanes, lanes.numPlaces]).toEqual([1, 2]);
    const handedOver = vi.spyOn(StageThread.prototype, "run");
    let numDone = 0;
    const runs = [1, 2, 3].map(async (count) => {
      const { shape } = await lanes.run(batchOf(count), "sentence");
      numDone++;
      return shape[0];
    });
    await nextTurn();
    expect([handedOver.mock.calls.length, numDone]).toEqual([2, 0]);
    expect(await Promise.all(runs)).toEqual([1, 2, 3]);
    handedOver.mockRestore();
    await lanes.stop();
  });
});

describe("the shared program of lanes", () => {
  const made: string[] = [];
  afterEach(async () => {
    vi.unstubAllEnvs();
    for (const each of made.splice(0)) await rm(each, { recursive: true });
  });

  test("is gone from the disk once every lane has it", async () => {
    const place = await mkdtemp(join(tmpdir(), "stagecoach-test-"));
    made.push(place);
    vi.stubEnv("TMPDIR", place);
    const lanes = new StageLanes({ engine, threads: 2 });
    const { facts } = await lanes.load({ folder, engine, threads: 2 });
    expect(await readdir(place)).toEqual([]);
    expect(facts.engine).toMatch(/2 threads$/);
    const runs = await Promise.all([1, 2].map((count) => lanes.run(batchOf(count), "sentence")));
    expect(runs.map(({ shape }) => shape[0])).toEqual([1, 2]);
    await lanes.stop();
  });

  test("that cannot be written leaves one lane, which says why and does the work", async () => {
    vi.stubEnv("TMPDIR", "/nowhere/at/all");
    const lanes = new StageLanes({ engine, threads: 2 });
    const { facts } = await lanes.load({ folder, engine, threads: 2 });
    expect(facts.engine).toMatch(/2 threads, one lane \(.*\/nowhere\/at\/all/);
    const runs = await Promise.all([1, 2, 3].map((count) => lanes.run(batchOf(count), "sentence")));
    expect(runs.map(({ shape }) => shape[0])).toEqual([1, 2, 3]);
    await lanes.stop();
  });

  test("of a model that cannot be loaded: the model's own error, and nothing stays on the disk", async () => {
    const place = await mkdtemp(join(tmpdir(), "stagecoach-test-"));
    made.push(place);
    vi.stubEnv("TMPDIR", place);
    const lanes = new StageLanes({ engine, threads: 2 });
    await expect(lanes.load({ folder: join(folder, "nothing"), engine, threads: 2 })).rejects.toThrow(
      /config\.json: expected it/,
    );
    expect(await readdir(place)).toEqual([]);
    await lanes.stop();
  });
});

describe("lanes that are stopped", () => {
  test("finish what they were asked, waiting micro-batches too, and take nothing more", async () => {
    const lanes = new StageLanes({ engine, threads: 2 });
    await lanes.load({ folder, engine, threads: 2 });
    const runs = Array.from({ length: 9 }, () => lanes.run(batchOf(2), "sentence"));
    await lanes.stop();
    expect((await Promise.all(runs)).map(({ shape }) => shape[0])).toEqual(Array.from({ length: 9 }, () => 2));
    expect(String(await lanes.ended)).toMatch(/ended with code 0/);
    await expect(lanes.run(batchOf(1), "sentence")).rejects.toThrow(/the engine thread ended/);
  });
});
