import { describe, expect, test } from "vitest";
import { Batcher, type TokenizedText } from "../batcher.ts";
import { FakePipeline } from "../testing/fakePipeline.ts";
import { FakeTracer, requestNumber } from "../testing/fakeTracer.ts";
import { turn } from "../testing/memoryNetwork.ts";

const text = (length: number): TokenizedText => ({ ids: new Int32Array(length), typeIds: new Int32Array(length) });

function setUp() {
  const pipeline = new FakePipeline();
  const tracer = new FakeTracer();
  let now = 100;
  const batcher = new Batcher({ pipeline, maxBatchTokens: 64, maxQueuedTokens: 1000, now: () => now });
  /** @param request - its number; null for one that is not recorded */
  const submit = (request: number | null, texts: readonly TokenizedText[] = [text(5)]) => {
    const trace = request === null ? undefined : { tracer, traceparent: requestNumber(request) };
    return batcher.submit({ texts, output: "sentence", timeoutMs: 1e6, trace }).catch((error: unknown) => error);
  };
  const complete = async () => {
    pipeline.complete();
    await turn();
  };
  return { pipeline, tracer, submit, complete, wait: (ms: number) => (now += ms) };
}

describe("a micro-batch of one request", () => {
  test("is a part of it, and so is the time before it", async () => {
    const { tracer, submit, complete, wait, pipeline } = setUp();
    void submit(null);
    void submit(1, [text(5), text(7)]);
    wait(30);
    await complete();
    wait(20);
    await complete();
    const [queue, microBatch, ...others] = tracer.spans;
    expect(others).toEqual([]);
    expect(queue).toMatchObject({ name: "queue", parent: requestNumber(1), startMs: 100, endMs: 130 });
    expect(microBatch).toMatchObject({ name: "micro-batch", parent: requestNumber(1), startMs: 130, endMs: 150 });
    expect(microBatch!.links).toEqual([]);
    expect(microBatch!.attributes).toEqual({
      "stagecoach.texts": 2,
      "stagecoach.tokens": 12,
      "stagecoach.requests": 1,
      "stagecoach.attempt": 0,
      "stagecoach.replica": 0,
    });
    expect(pipeline.submissions.map(({ trace }) => trace)).toEqual([
      undefined,
      { traceparent: microBatch!.traceparent, sentAt: 1_000_130 },
    ]);
  });

  test("that is not recorded makes no span, and its frame carries nothing", async () => {
    const { tracer, submit, complete, pipeline } = setUp();
    void submit(null);
    await complete();
    expect(tracer.spans).toEqual([]);
    expect(pipeline.submissions[0]!.trace).toBeUndefined();
  });

  test("that goes down with a pipeline is there with its error, and again as the next attempt", async () => {
    const { tracer, submit, complete, wait, pipeline } = setUp();
    void submit(1);
    wait(10);
    pipeline.missingStage = 1;
    pipeline.lose(1);
    await turn();
    wait(40);
    pipeline.missingStage = null;
    pipeline.changed();
    wait(5);
    await complete();
    const [lost, again] = tracer.named("micro-batch");
    expect(lost).toMatchObject({ startMs: 100, endMs: 110, error: "stage 1 of replica 0 was lost: killed" });
    expect(lost!.attributes).toMatchObject({ "stagecoach.attempt": 0, "stagecoach.stage": 1, "stagecoach.replica": 0 });
    expect(again).toMatchObject({ startMs: 150, endMs: 155, attributes: { "stagecoach.attempt": 1 } });
    expect(again).not.toHaveProperty("error");
    expect(tracer.named("queue").map(({ startMs, endMs }) => [startMs, endMs])).toEqual([
      [100, 100],
      [110, 150],
    ]);
  });
});

describe("a micro-batch of several requests", () => {
  test("is a part of the first that is recorded, and linked with the others in both directions", async () => {
    const { tracer, submit, complete, wait } = setUp();
    void submit(null, [text(64)]);
    void submit(null);
    for (const request of [1, 2, 3]) void submit(request);
    await complete();
    wait(20);
    await complete();
    const [microBatch, ...more] = tracer.named("micro-batch");
    expect(more).toEqual([]);
    expect(microBatch).toMatchObject({ parent: requestNumber(1), links: [requestNumber(2), requestNumber(3)] });
    expect(microBatch!.attributes).toMatchObject({ "stagecoach.requests": 4, "stagecoach.texts": 4 });
    const shared = tracer.named("shared micro-batch");
    expect(shared.map(({ parent }) => parent)).toEqual([requestNumber(2), requestNumber(3)]);
    for (const { links, startMs, endMs } of shared)
      expect({ links, startMs, endMs }).toEqual({ links: [microBatch!.traceparent], startMs: 100, endMs: 120 });
    expect(tracer.named("queue").map(({ parent }) => parent)).toEqual([1, 2, 3].map(requestNumber));
  });
});
