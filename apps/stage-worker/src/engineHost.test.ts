import { join } from "node:path";
import type { Assignment } from "@stagecoach/parallel";
import { layoutFingerprint } from "@stagecoach/transformer/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EngineHost } from "./engineHost.ts";

/** Four layers, 32 dimensions (tools/oracles/sentence_encoder.py). */
const folder = join(import.meta.dirname, "../../../test/fixtures/tiny-encoder");
const layers = { start: 0, end: 4 };
const batch = () => ({ lengths: Int32Array.of(2), inputIds: Int32Array.of(7, 8), tokenTypeIds: new Int32Array(2) });
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

describe("EngineHost", () => {
  const host = new EngineHost(null, () => {});
  let assignment: Assignment;
  beforeAll(async () => {
    assignment = {
      kind: "assign",
      replica: 0,
      stage: 0,
      epoch: 1,
      numStages: 1,
      layers,
      model: { reference: folder, revision: null, fingerprint: await layoutFingerprint(folder) },
      engine: "onnxruntime",
      threads: 1,
      credits: 1,
      maxFrameBytes: 1 << 20,
    };
    await host.load(assignment);
  });
  afterAll(() => host.stop());

  const loadModel = (number: number) => host.loadModel({ number, model: assignment.model, layers }, assignment);

  test("keeps a model until it is taken away", async () => {
    await loadModel(1);
    expect((await host.run(batch(), "sentence", 1)).shape).toEqual([1, 32]);
    await host.unloadModel(1);
    await expect(host.run(batch(), "sentence", 1)).rejects.toThrow(/before it was loaded/);
  });

  test("does not keep a model that is taken away while it loads, and loads it when it is asked for again", async () => {
    const loading = loadModel(2);
    await Promise.all([loading, host.unloadModel(2)]);
    await expect(host.run(batch(), "sentence", 2)).rejects.toThrow(/before it was loaded/);
    await loadModel(2);
    expect((await host.run(batch(), "sentence", 2)).shape).toEqual([1, 32]);
  });

  test("is not stuck while it loads a model, however long that takes", async () => {
    const progress = { isOver: false, longestMs: 0 };
    const loading = loadModel(3).finally(() => (progress.isOver = true));
    while (!progress.isOver) {
      progress.longestMs = Math.max(progress.longestMs, host.runningMs);
      await nextTurn();
    }
    await loading;
    expect(progress.longestMs).toBe(0);
  });

  test("goes on after a model that cannot be loaded", async () => {
    const missing = { ...assignment.model, reference: join(folder, "nothing") };
    await expect(host.loadModel({ number: 4, model: missing, layers }, assignment)).rejects.toThrow(/nothing/);
    expect((await host.run(batch(), "sentence")).shape).toEqual([1, 32]);
    await loadModel(4);
    expect((await host.run(batch(), "sentence", 4)).shape).toEqual([1, 32]);
  });
});
