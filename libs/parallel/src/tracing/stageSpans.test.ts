import { describe, expect, test } from "vitest";
import type { Frame } from "../frame.ts";
import { tokenFrame, type FrameTrace } from "../microBatchFrames.ts";
import { FakeTracer, requestNumber } from "../testing/fakeTracer.ts";
import { batchOf } from "../testing/work.ts";
import { WorkerScene } from "../testing/workerScene.ts";

const parent = requestNumber(1);

/** A frame for the only stage of a pipeline. */
const frameOf = (trace: FrameTrace | undefined, microBatch = 1): Frame =>
  tokenFrame({ epoch: 1, microBatch, attempt: 2, trace }, batchOf([[7, 8]]), "sentence");

async function setUp(options: { readonly tracer?: FakeTracer } = {}) {
  const scene = new WorkerScene(options);
  await scene.join();
  const links = await scene.only();
  return { scene, ...links };
}

describe("a stage that records", () => {
  test("makes parts of the micro-batch: the link, waiting, computing and sending", async () => {
    const tracer = new FakeTracer();
    const { scene, input, results } = await setUp({ tracer });
    const came = scene.process.now();
    for (const microBatch of [1, 2])
      await input.send(frameOf({ traceparent: parent, sentAt: tracer.unixMs(came - 3) }, microBatch));
    await scene.advance(20);
    const place = { "stagecoach.replica": 0, "stagecoach.stage": 0, "stagecoach.layers": "0-0" };
    const [first, second] = tracer.named("stage 0");
    for (const stage of [first, second])
      expect(stage).toMatchObject({ parent, startMs: came, attributes: { ...place, "stagecoach.attempt": 2 } });
    expect(tracer.named("link")[0]).toMatchObject({
      parent,
      startMs: came - 3,
      endMs: came,
      attributes: { "stagecoach.link.from": "gateway", "stagecoach.link.to": "stage 0" },
    });
    // The engine takes 5 ms, one at a time: the second waits for the first.
    const partsOf = ({ traceparent }: { traceparent: string }) =>
      tracer.spans
        .filter((span) => span.parent === traceparent)
        .map(({ name, startMs, endMs }) => [name, startMs - came, endMs! - came]);
    expect(partsOf(first!)).toEqual([
      ["wait", 0, 0],
      ["compute", 0, 5],
      ["send", 5, 5],
    ]);
    expect(partsOf(second!)).toEqual([
      ["wait", 0, 5],
      ["compute", 5, 10],
      ["send", 10, 10],
    ]);
    expect([first!.endMs! - came, second!.endMs! - came]).toEqual([5, 10]);
    expect(results.map(({ meta }) => [meta["traceparent"], meta["sentAt"]])).toEqual([
      [parent, tracer.unixMs(came + 5)],
      [parent, tracer.unixMs(came + 10)],
    ]);
  });

  test("makes nothing of a micro-batch that is not recorded", async () => {
    const tracer = new FakeTracer();
    const { scene, input, results } = await setUp({ tracer });
    await input.send(frameOf(undefined));
    await scene.advance(20);
    expect(tracer.spans).toEqual([]);
    expect(results[0]!.meta).not.toHaveProperty("traceparent");
    expect(results[0]!.meta).not.toHaveProperty("sentAt");
  });

  test("says what its engine failed by", async () => {
    const tracer = new FakeTracer();
    const { scene, input } = await setUp({ tracer });
    scene.host.failureOf = () => new Error("the engine said no");
    await input.send(frameOf({ traceparent: parent }));
    await scene.advance(20);
    expect(tracer.named("stage 0")[0]).toMatchObject({ error: "the engine said no" });
  });

  test("takes a frame that came before it was sent, by its sender's clock, for one that took no time", async () => {
    const tracer = new FakeTracer();
    const { scene, input } = await setUp({ tracer });
    const came = scene.process.now();
    await input.send(frameOf({ traceparent: parent, sentAt: tracer.unixMs(came + 250) }));
    await scene.advance(20);
    const [link] = tracer.named("link");
    expect(link).toMatchObject({ startMs: came, endMs: came, attributes: { "stagecoach.clock_skew_ms": 250 } });
  });
});

describe("a stage that records nothing", () => {
  test("passes the traceparent on, and not a time at which another has sent it", async () => {
    const { scene, input, results } = await setUp();
    await input.send(frameOf({ traceparent: parent, sentAt: 5 }));
    await scene.advance(20);
    expect(results[0]!.meta).toMatchObject({ traceparent: parent });
    expect(results[0]!.meta).not.toHaveProperty("sentAt");
  });

  test.each([
    [{ traceparent: "hello" }, `expected a W3C traceparent, got "hello"`],
    [{ traceparent: parent, sentAt: "now" as unknown as number }, `expected sentAt in Unix milliseconds, got "now"`],
  ])("refuses %j", async (trace, expected) => {
    const { scene, input } = await setUp();
    scene.heard();
    await input.send(frameOf(trace));
    await scene.advance(20);
    expect(scene.heard()).toEqual([
      expect.objectContaining({
        kind: "microBatchFailed",
        code: "invalid_frame",
        message: expect.stringContaining(expected) as string,
      }),
    ]);
  });
});
