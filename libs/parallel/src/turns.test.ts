/** @file Batchers of several models that share a pipeline: none waits for another's queue. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Batcher } from "./batcher.ts";
import { FakePipeline } from "./testing/fakePipeline.ts";
import { turn } from "./testing/memoryNetwork.ts";

const LENGTH = 10;

/** A batcher of one text a micro-batch; `submit` gives it texts whose ids are all this one. */
function batcherOf(pipeline: FakePipeline) {
  const batcher = new Batcher({ pipeline, maxBatchTokens: LENGTH, maxQueuedTokens: 1e6, now: () => 0 });
  const submit = (id: number, count: number) => {
    const text = { ids: new Int32Array(LENGTH).fill(id), typeIds: new Int32Array(LENGTH) };
    void batcher.submit({ texts: Array.from({ length: count }, () => text), output: "sentence", timeoutMs: 1e6 });
  };
  return { batcher, submit };
}

const sent = ({ submissions }: FakePipeline) => submissions.map(({ texts }) => texts[0]![0]);

async function completeAll(pipeline: FakePipeline): Promise<void> {
  for (await turn(); pipeline.inFlight.length > 0; await turn()) pipeline.complete();
}

describe("Turns", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
  afterEach(() => void vi.useRealTimers());

  test("go round: a model with a short queue does not wait for one with a long queue", async () => {
    const pipeline = new FakePipeline();
    const [first, second, third] = [batcherOf(pipeline), batcherOf(pipeline), batcherOf(pipeline)];
    first.submit(1, 9);
    second.submit(2, 3);
    third.submit(3, 1);
    await completeAll(pipeline);
    expect(sent(pipeline)).toEqual([1, 1, 2, 3, 1, 2, 1, 2, 1, 1, 1, 1, 1]);
  });

  test("are one micro-batch each, also when several slots become free at once", async () => {
    const pipeline = new FakePipeline({ slots: 4 });
    pipeline.missingStage = 0;
    const [first, second] = [batcherOf(pipeline), batcherOf(pipeline)];
    first.submit(1, 6);
    second.submit(2, 6);
    pipeline.missingStage = null;
    pipeline.changed();
    expect(sent(pipeline)).toEqual([1, 2, 1, 2]);
    await completeAll(pipeline);
  });

  test("are over for a batcher that is closed", async () => {
    const pipeline = new FakePipeline();
    const [first, second] = [batcherOf(pipeline), batcherOf(pipeline)];
    first.submit(1, 1);
    await completeAll(pipeline);
    first.batcher.close();
    pipeline.missingStage = 0;
    first.submit(1, 1);
    second.submit(2, 1);
    pipeline.missingStage = null;
    pipeline.changed();
    expect(sent(pipeline)).toEqual([1, 2]);
    await completeAll(pipeline);
  });
});
