/** @file Which models are loaded, on a pipeline that does what the test says. */
import {
  StageFailureError,
  StageUnavailableError,
  type MicroBatchResult,
  type PipelinePort,
} from "@stagecoach/parallel";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Metrics } from "../metrics/metrics.ts";
import { ModelHost } from "./modelHost.ts";

const tinyEncoder = join(import.meta.dirname, "../../../../test/fixtures/tiny-encoder");
const options = { normalize: false, truncate: true, timeoutMs: 1e6 };

const TIMEOUT_MS = 60_000;
/** However slow the machine is. */
const WAIT = { timeout: 15_000 };

/** A pipeline whose stages have each model at once, unless they are told to wait. It gives every text zeros, while it has a place. */
function setUp({ budgetBytes = 1e9 } = {}) {
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
    missingStageOfAny: null as number | null,
    portOf: () => port,
    addModel: vi.fn<() => Promise<void>>(() => Promise.resolve()),
    removeModel: vi.fn<(number: number) => void>(),
  };
  const metrics = new Metrics({ version: "0", numStages: 1, numReplicas: 1 });
  const host = new ModelHost({
    pipeline,
    find: (name) => Promise.resolve({ name, folder: tinyEncoder, createdAt: 0 }),
    budgetBytes,
    timeoutMs: TIMEOUT_MS,
    maxBatchTokens: 64,
    maxQueuedTokens: 1000,
    now: () => performance.now(),
    metrics,
    onMicroBatch: (model, report) => metrics.observeMicroBatch(model, report),
  });
  return { host, metrics, joined, pipeline, port };
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

  test("a model that a stage cannot load is called by its name, not by its folder", async () => {
    const { host, pipeline } = setUp();
    const refusal = new StageFailureError(1, `${join(tinyEncoder, "model.safetensors")}: cut off`);
    pipeline.addModel.mockRejectedValueOnce(refusal);
    await expect(host.find("one")).rejects.toThrow("stage 1 failed: one/model.safetensors: cut off");
  });

  test("what waits for its models is counted, also while one is being unloaded", async () => {
    const { host, metrics, port } = setUp();
    port.freeSlots = 0;
    const leaving = new AbortController();
    const models = [await host.find("one"), await host.find("two")];
    const waiting = models.map((model) =>
      model!.embedder.embed(["the", "stag"], { ...options, signal: leaving.signal }),
    );
    const removed = host.remove("one");
    expect(await metrics.text()).toMatch(/^stagecoach_queue_texts 4$/m);
    leaving.abort();
    await Promise.allSettled([...waiting, removed]);
    expect(await metrics.text()).toMatch(/^stagecoach_queue_texts 0$/m);
  });

  describe("while a stage is missing", () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
    afterEach(() => void vi.useRealTimers());

    /** The first model that is asked for waits for stage 1, until it is back. */
    function setUpMissing(budget: Parameters<typeof setUp>[0] = {}) {
      const set = setUp(budget);
      const back = Promise.withResolvers<void>();
      set.pipeline.missingStageOfAny = 1;
      set.pipeline.addModel.mockReturnValueOnce(back.promise);
      set.pipeline.removeModel.mockImplementation((number) => {
        if (number === 1) back.reject(new Error("it was taken away"));
      });
      return { ...set, back: back.resolve };
    }
    const errorOf = (found: Promise<unknown>) => found.catch((error: unknown) => error);
    const passDeadline = () => vi.advanceTimersByTimeAsync(TIMEOUT_MS);

    test("a request for a model ends at its deadline, with the stage that it waited for", async () => {
      const { host } = setUpMissing();
      const error = errorOf(host.find("one"));
      await passDeadline();
      expect(await error).toBeInstanceOf(StageUnavailableError);
      expect(await error).toMatchObject({
        stage: 1,
        message:
          "stage 1 is unavailable: it was not back in time to load the model `one`; the request's deadline of 60 s has passed",
      });
    });

    test("the model is loaded all the same, for the next request", async () => {
      const { host, pipeline, back } = setUpMissing();
      const error = errorOf(host.find("one"));
      await passDeadline();
      await error;
      const next = host.find("one");
      back();
      expect(await next).toMatchObject({ name: "one" });
      expect(pipeline.addModel).toHaveBeenCalledTimes(1);
    });

    test("other models are found and removed", async () => {
      const { host, pipeline, back } = setUpMissing();
      const one = host.find("one");
      await vi.waitFor(() => expect(pipeline.addModel).toHaveBeenCalled(), WAIT);
      expect(await host.find("two")).toMatchObject({ name: "two" });
      await host.remove("two");
      back();
      await one;
    });

    test("it makes room for another once nobody waits for it", async () => {
      const { host, pipeline, joined } = setUpMissing({ budgetBytes: 200_000 });
      const error = errorOf(host.find("one"));
      await passDeadline();
      await error;
      const two = host.find("two");
      await vi.waitFor(() => expect(pipeline.removeModel).toHaveBeenCalledExactlyOnceWith(1), WAIT);
      expect(await two).toMatchObject({ name: "two" });
      expect(joined.batchers).toBe(1);
    });

    test("it is not taken away from those who wait for it", async () => {
      const { host, pipeline, back } = setUpMissing({ budgetBytes: 200_000 });
      const one = host.find("one");
      await vi.waitFor(() => expect(pipeline.addModel).toHaveBeenCalled(), WAIT);
      const two = host.find("two");
      await vi.advanceTimersByTimeAsync(TIMEOUT_MS / 2);
      expect(pipeline.removeModel).not.toHaveBeenCalled();
      back();
      expect(await one).toMatchObject({ name: "one" });
      expect(await two).toMatchObject({ name: "two" });
    });
  });
});
