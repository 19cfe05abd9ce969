/** @file Which models are loaded, on a pipeline that does what the test says. */
import type { MicroBatchResult, PipelinePort } from "@stagecoach/parallel";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Metrics } from "../metrics/metrics.ts";
import { ModelHost } from "./modelHost.ts";

const tinyEncoder = join(import.meta.dirname, "../../../../test/fixtures/tiny-encoder");
const options = { normalize: false, truncate: true, timeoutMs: 1e6 };

/** A pipeline whose stages have each model at once. It gives every text zeros, while it has a place. */
function setUp() {
  /** Those that take turns in filling it. */
  const joined = { batchers: 0 };
  const port = {
    numStages: 1,
    numLanes: 1,
    freeSlots: 1,
    runCost: undefined,
    missingStage: null,
    submit: ({ lengths }): Promise<MicroBatchResult> => {
      const shape = [lengths.length, 32];
      return Promise.resolve({ shape, data: new Float32Array(lengths.length * 32), timings: [], replica: 0 });
    },
    onFree: () => {
      joined.batchers++;
      return () => void joined.batchers--;
    },
  } satisfies PipelinePort;
  const pipeline = {
    numStages: 1,
    isUp: true,
    portOf: () => port,
    addModel: () => Promise.resolve(),
    removeModel: () => {},
  };
  const metrics = new Metrics({ version: "0", numStages: 1, numReplicas: 1 });
  const host = new ModelHost({
    pipeline,
    find: (name) => Promise.resolve({ name, folder: tinyEncoder, createdAt: 0 }),
    budgetBytes: 1e9,
    maxBatchTokens: 64,
    maxQueuedTokens: 1000,
    now: () => performance.now(),
    metrics,
  });
  return { host, metrics, joined, port };
}

describe("ModelHost", () => {
  test("a model that is unloaded leaves no series, and no batcher with the pipeline", async () => {
    const { host, metrics, joined } = setUp();
    const model = await host.find("one");
    await model!.embedder.embed(["the layers"], options);
    expect(joined.batchers).toBe(1);
    expect(await metrics.text()).toContain('model="one"');
    await host.remove("one");
    expect(joined.batchers).toBe(0);
    expect(await metrics.text()).not.toContain('model="one"');
  });

  test("what waits for its models is counted, also while one is being unloaded", async () => {
    const { host, metrics, port } = setUp();
    port.freeSlots = 0;
    const leaving = new AbortController();
    const models = [await host.find("one"), await host.find("two")];
    const waiting = models.map((model) => model!.embedder.embed(["the", "stag"], { ...options, signal: leaving.signal }));
    const removed = host.remove("one");
    expect(await metrics.text()).toMatch(/^stagecoach_queue_texts 4$/m);
    leaving.abort();
    await Promise.allSettled([...waiting, removed]);
    expect(await metrics.text()).toMatch(/^stagecoach_queue_texts 0$/m);
  });
});
