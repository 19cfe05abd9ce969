import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Batcher, type BatchRequest, type MicroBatchReport, type TokenizedText } from "./batcher.ts";
import { OverloadedError, StageFailureError, StageUnavailableError } from "./errors.ts";
import { FakePipeline, sentenceVector, tokenVectors } from "./testing/fakePipeline.ts";
import { turn } from "./testing/memoryNetwork.ts";

const textOf = (ids: readonly number[]): TokenizedText => ({
  ids: Int32Array.from(ids),
  typeIds: new Int32Array(ids.length),
});

/** A text of `length` tokens whose first id tells it from others. */
const text = (id: number, length: number): TokenizedText => textOf([id, ...Array<number>(length - 1).fill(1)]);

const texts = (count: number, length: number, firstId = 1000): TokenizedText[] =>
  Array.from({ length: count }, (_, index) => text(firstId + index, length));

const idsOf = ({ ids }: TokenizedText) => [...ids];

type Options = { readonly slots?: number; readonly numStages?: number; readonly maxBatchTokens?: number };

function setUp({
  maxBatchTokens = 64,
  maxQueuedTokens = 10_000,
  ...pipelineOptions
}: Options & { readonly maxQueuedTokens?: number } = {}) {
  const pipeline = new FakePipeline(pipelineOptions);
  const reports: MicroBatchReport[] = [];
  let now = 0;
  const batcher = new Batcher({
    pipeline,
    maxBatchTokens,
    maxQueuedTokens,
    now: () => now,
    onMicroBatch: (report) => reports.push(report),
  });
  const submit = (request: Partial<BatchRequest> & Pick<BatchRequest, "texts">) =>
    batcher.submit({ output: "sentence", timeoutMs: 1e6, ...request });
  /** First ids of the texts of each micro-batch that was sent. */
  const sent = () => pipeline.submissions.map(({ texts: each }) => each.map((ids) => ids[0]));
  return { pipeline, batcher, submit, sent, reports, wait: (ms: number) => (now += ms) };
}

const errorOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "no error",
    (error: unknown) => error,
  );

/** Complete whatever is sent until nothing is. */
async function completeAll(pipeline: FakePipeline): Promise<void> {
  await turn();
  for (; pipeline.inFlight.length > 0; await turn()) pipeline.complete();
}

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

describe("Batcher.submit()", () => {
  test("gives each text of a request its own vector, in the order of the texts", async () => {
    const { pipeline, submit } = setUp({ maxBatchTokens: 20 });
    const given = [text(1, 9), text(2, 3), text(3, 30), text(4, 3), text(5, 9)];
    const response = submit({ texts: given });
    await completeAll(pipeline);
    const { vectors } = await response;
    expect(vectors.map((vector) => [...vector])).toEqual(given.map((each) => sentenceVector(idsOf(each))));
  });

  test("gives each text its tokens' vectors when those are asked for", async () => {
    const { pipeline, submit } = setUp({ maxBatchTokens: 20 });
    const given = [textOf([7, 8, 9]), textOf([5]), textOf([1, 2, 3, 4])];
    const response = submit({ texts: given, output: "tokens" });
    await completeAll(pipeline);
    expect((await response).vectors.map((vector) => [...vector])).toEqual(
      given.map((each) => tokenVectors(idsOf(each))),
    );
  });

  test("gives each text the scores of its masked tokens, by their packed rows", async () => {
    const { pipeline, submit } = setUp({ maxBatchTokens: 20 });
    const places = [[1], [0, 2], [2, 3]];
    const given = [
      [7, 4],
      [4, 5, 4],
      [1, 2, 4, 4],
    ].map((ids, index) => ({
      ...textOf(ids),
      maskedPlaces: Int32Array.from(places[index]!),
    }));
    const response = submit({ texts: given, output: "maskedScores" });
    await completeAll(pipeline);
    const { vectors } = await response;
    expect(vectors.map((vector) => [...vector].filter((_, at) => at % 2 === 1))).toEqual([[4], [4, 4], [4, 4]]);
    const rows = vectors.flatMap((vector) => [...vector].filter((_, at) => at % 2 === 0));
    expect(rows.toSorted((a, b) => a - b)).toEqual([...pipeline.submissions[0]!.batch.maskedRows!]);
  });

  test("sends no micro-batch with more masked tokens than the largest frame is for", async () => {
    const { pipeline, submit } = setUp({ maxBatchTokens: 1000 });
    const maskedPlaces = Int32Array.of(0, 1, 2, 3, 4);
    const given = texts(10, 5).map((each) => ({ ...each, maskedPlaces }));
    const response = submit({ texts: given, output: "maskedScores" });
    await completeAll(pipeline);
    expect((await response).vectors.map(({ length }) => length)).toEqual(given.map(() => 10));
    const numMasked = pipeline.submissions.map(({ batch }) => batch.maskedRows!.length);
    expect(numMasked).toEqual([15, 15, 15, 5]);
  });

  test("sends texts whose attention is wanted alone, each with its heads", async () => {
    const { pipeline, submit, sent } = setUp({ maxBatchTokens: 1000 });
    const heads = [
      [0, 1, 2, 3],
      [1, 1],
      [0, 0, 0, 2, 3, 1],
    ];
    const given = heads.map((each) => ({ ...text(1, 9), attentionHeads: Int32Array.from(each) }));
    const response = submit({ texts: given, output: "attention" });
    await completeAll(pipeline);
    expect((await response).vectors.map((rows) => [...rows])).toEqual(heads);
    expect(sent()).toHaveLength(3);
  });

  test("carries segment ids with their tokens", async () => {
    const { pipeline, submit } = setUp();
    void submit({ texts: [{ ids: Int32Array.of(5, 6), typeIds: Int32Array.of(0, 1) }] });
    expect([...pipeline.inFlight[0]!.batch.tokenTypeIds]).toEqual([0, 1]);
  });

  test("sends at once when the pipeline is idle", () => {
    const { submit, sent } = setUp();
    void submit({ texts: [text(1, 5)] });
    expect(sent()).toEqual([[1]]);
  });

  test("puts together what has gathered while the pipeline was busy", async () => {
    const { pipeline, submit, sent } = setUp();
    for (const id of [1, 2, 3, 4]) void submit({ texts: [text(id, 5)] });
    expect(sent()).toEqual([[1]]);
    pipeline.complete();
    await turn();
    expect(sent().map((ids) => new Set(ids))).toEqual([new Set([1]), new Set([2, 3, 4])]);
  });

  test("sends no more than there are slots", () => {
    const { pipeline, submit } = setUp({ slots: 3 });
    for (const id of [1, 2, 3, 4, 5]) void submit({ texts: [text(id, 5)] });
    expect(pipeline.inFlight).toHaveLength(3);
  });

  test("answers a request without texts", async () => {
    const { submit, batcher } = setUp();
    expect((await submit({ texts: [] })).vectors).toEqual([]);
    await batcher.idle();
  });

  test("never makes a micro-batch of more than maxBatchTokens, but for one longer text", async () => {
    const { pipeline, submit } = setUp({ maxBatchTokens: 50 });
    void submit({ texts: [...texts(40, 7), text(1, 51), text(2, 200), ...texts(10, 25)] });
    await completeAll(pipeline);
    for (const { texts: sentTexts } of pipeline.submissions) {
      const tokens = sentTexts.reduce((total, ids) => total + ids.length, 0);
      expect(tokens <= 50 || sentTexts.length === 1).toBe(true);
    }
    expect(pipeline.submissions.flatMap((each) => each.texts)).toHaveLength(52);
  });

  test("cuts by length: texts of 4 and of 60 tokens do not share a micro-batch where padding costs", async () => {
    const { pipeline, submit } = setUp({ maxBatchTokens: 1000 });
    pipeline.runCost = { fixed: 1e-6, token: 1e-5, padded: 1e-4, attention: 0 };
    void submit({ texts: [text(1, 4), text(2, 60), text(3, 4), text(4, 60)] });
    await completeAll(pipeline);
    const lengths = pipeline.submissions.map((each) => each.texts.map((ids) => ids.length));
    expect(lengths.toSorted((a, b) => a[0]! - b[0]!)).toEqual([
      [4, 4],
      [60, 60],
    ]);
  });

  test("keeps sentence and token requests apart", async () => {
    const { pipeline, submit } = setUp({ slots: 1 });
    void submit({ texts: [text(1, 5)] });
    const responses = [
      submit({ texts: [text(2, 5)], output: "tokens" }),
      submit({ texts: [text(3, 5)], output: "sentence" }),
      submit({ texts: [text(4, 5)], output: "tokens" }),
    ];
    await completeAll(pipeline);
    expect((await Promise.all(responses)).map(({ vectors }) => vectors[0]!.length)).toEqual([10, 4, 10]);
    expect(pipeline.submissions).toHaveLength(3);
  });

  test("cuts little work finer when there are several stages, so that each has a part of it", () => {
    const { pipeline, submit } = setUp({ numStages: 4, slots: 8, maxBatchTokens: 4096 });
    void submit({ texts: texts(64, 32) });
    expect(pipeline.submissions.length).toBeGreaterThanOrEqual(4);
  });

  test("reports each micro-batch: texts, tokens, padding, time in the queue", async () => {
    const { pipeline, submit, reports, wait } = setUp();
    void submit({ texts: [text(1, 5)] });
    wait(10);
    void submit({ texts: [text(2, 3), text(3, 7)] });
    wait(30);
    pipeline.complete();
    await turn();
    wait(5);
    pipeline.complete();
    await turn();
    expect(
      reports.map(({ texts: count, tokens, paddedTokens, queueMs, inferenceMs }) => ({
        count,
        tokens,
        paddedTokens,
        queueMs,
        inferenceMs,
      })),
    ).toEqual([
      { count: 1, tokens: 5, paddedTokens: 5, queueMs: [0], inferenceMs: 40 },
      { count: 2, tokens: 10, paddedTokens: 14, queueMs: [30, 30], inferenceMs: 5 },
    ]);
  });

  test("tells a request how long its texts waited and ran, on average", async () => {
    const { pipeline, submit, wait } = setUp({ maxBatchTokens: 10 });
    const response = submit({ texts: [text(1, 10), text(2, 10)] });
    wait(20);
    pipeline.complete();
    await turn();
    wait(40);
    pipeline.complete();
    expect(await response).toMatchObject({ queueMs: 10, inferenceMs: 30 });
  });
});

describe("fairness", () => {
  test("a single text goes with the next micro-batch that is sent, however long the queue of another request is", async () => {
    const { pipeline, submit, sent } = setUp({ maxBatchTokens: 512, maxQueuedTokens: 1e6, slots: 2 });
    void submit({ texts: texts(2000, 20) });
    for (let round = 0; round < 5; round++) {
      pipeline.complete();
      await turn();
    }
    void submit({ texts: [text(7, 12)] });
    pipeline.complete();
    await turn();
    expect(sent().at(-1)).toContain(7);
  });

  test("twenty single texts that come one after another each wait for one micro-batch", async () => {
    const { pipeline, submit, sent } = setUp({ maxBatchTokens: 256, maxQueuedTokens: 1e6 });
    void submit({ texts: texts(2000, 20) });
    for (let id = 1; id <= 20; id++) {
      void submit({ texts: [text(id, 200)] });
      pipeline.complete();
      await turn();
      expect(sent().at(-1)).toContain(id);
    }
  });

  test("two requests of the same size get the same share, whatever the lengths of their texts", async () => {
    const { pipeline, submit } = setUp({ maxBatchTokens: 100, maxQueuedTokens: 1e6 });
    void submit({ texts: texts(400, 10, 1000) });
    void submit({ texts: texts(100, 40, 5000) });
    const served = { short: 0, long: 0 };
    for (let round = 0; round < 60; round++) {
      for (const ids of pipeline.inFlight[0]!.texts) served[ids[0]! < 5000 ? "short" : "long"] += ids.length;
      pipeline.complete();
      await turn();
      expect(Math.abs(served.short - served.long)).toBeLessThanOrEqual(200);
    }
  });

  test("a request that has waited for a pipeline for long has no claim on what others were served before", async () => {
    const { pipeline, submit, sent } = setUp({ maxBatchTokens: 100, maxQueuedTokens: 1e6 });
    void submit({ texts: texts(100, 10) });
    for (let round = 0; round < 5; round++) {
      pipeline.complete();
      await turn();
    }
    // It starts where the queue stands, so it gets half of what follows, not all of it.
    void submit({ texts: texts(100, 10, 5000) });
    const before = sent().length;
    for (let round = 0; round < 8; round++) {
      pipeline.complete();
      await turn();
    }
    const first = sent()
      .slice(before)
      .flat()
      .filter((id) => id! < 5000);
    expect(first.length).toBeGreaterThanOrEqual(20);
  });
});

describe("admission", () => {
  test("refuses what does not fit the queue, before any work, with a whole number of seconds to wait", async () => {
    const { submit, batcher, pipeline } = setUp({ maxQueuedTokens: 100 });
    void submit({ texts: texts(1, 10) });
    void submit({ texts: texts(9, 10) });
    const sentBefore = pipeline.submissions.length;
    const error = await errorOf(submit({ texts: texts(2, 10) }));
    expect(error).toBeInstanceOf(OverloadedError);
    const { retryAfterSeconds } = error as OverloadedError;
    expect(Number.isInteger(retryAfterSeconds) && retryAfterSeconds >= 1).toBe(true);
    expect(batcher.queuedTokens).toBe(90);
    expect(pipeline.submissions.length).toBe(sentBefore);
    expect(await errorOf(Promise.race([submit({ texts: texts(1, 10) }), turn()]))).toBe("no error");
  });

  test("asks to wait longer when more is queued, at most a minute", async () => {
    const { submit, pipeline } = setUp({ maxQueuedTokens: 100 });
    pipeline.runCost = { fixed: 0, token: 0.1, padded: 0, attention: 0 };
    void submit({ texts: texts(1, 10) });
    void submit({ texts: texts(9, 10) });
    expect(await errorOf(submit({ texts: texts(2, 10) }))).toMatchObject({ retryAfterSeconds: 9 });
    pipeline.runCost = { fixed: 0, token: 100, padded: 0, attention: 0 };
    expect(await errorOf(submit({ texts: texts(2, 10) }))).toMatchObject({ retryAfterSeconds: 60 });
  });

  test("admits a request of any size when the queue is empty", async () => {
    const { submit, batcher, pipeline } = setUp({ maxQueuedTokens: 100 });
    const response = submit({ texts: texts(100, 10) });
    expect(batcher.queuedTokens).toBeGreaterThan(100);
    await completeAll(pipeline);
    expect((await response).vectors).toHaveLength(100);
  });

  test("has room again as soon as the queue has", async () => {
    const { submit, pipeline } = setUp({ maxQueuedTokens: 20, maxBatchTokens: 20 });
    void submit({ texts: texts(1, 20) });
    void submit({ texts: texts(1, 20) });
    expect(await errorOf(submit({ texts: texts(1, 20) }))).toBeInstanceOf(OverloadedError);
    pipeline.complete();
    await turn();
    const response = submit({ texts: texts(1, 20) });
    await completeAll(pipeline);
    expect((await response).vectors).toHaveLength(1);
  });
});

describe("a deadline", () => {
  test("ends the request with the number of the stage that is missing", async () => {
    const { submit, pipeline, batcher } = setUp();
    pipeline.missingStage = 2;
    const error = errorOf(submit({ texts: texts(3, 10), timeoutMs: 5000 }));
    vi.advanceTimersByTime(4999);
    expect(batcher.queuedTexts).toBe(3);
    vi.advanceTimersByTime(1);
    expect(await error).toBeInstanceOf(StageUnavailableError);
    expect(await error).toMatchObject({ stage: 2, code: "stage_unavailable" });
    expect(String(await error)).toContain("stage 2 is unavailable");
    expect(String(await error)).toContain("5 s");
    expect([batcher.queuedTexts, batcher.queuedTokens]).toEqual([0, 0]);
  });

  test("says that there was too much to do when every stage is there", async () => {
    const { submit } = setUp();
    void submit({ texts: texts(1, 10) });
    const error = errorOf(submit({ texts: texts(1, 10), timeoutMs: 100 }));
    vi.advanceTimersByTime(100);
    expect(await error).toMatchObject({ code: "stage_unavailable", stage: null });
  });

  test("leaves no timer behind once the request has ended", async () => {
    const { submit, pipeline } = setUp();
    const response = submit({ texts: texts(2, 10) });
    const failing = errorOf(submit({ texts: texts(1, 10), signal: AbortSignal.abort() }));
    await completeAll(pipeline);
    await Promise.all([response, failing]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("an abort", () => {
  test("ends the request with the signal's reason and frees its places in the queue", async () => {
    const { submit, batcher } = setUp();
    const controller = new AbortController();
    void submit({ texts: texts(1, 10) });
    const error = errorOf(submit({ texts: texts(5, 10), signal: controller.signal }));
    expect(batcher.queuedTexts).toBe(5);
    const reason = new Error("the client has gone");
    controller.abort(reason);
    expect(await error).toBe(reason);
    expect([batcher.queuedTexts, batcher.queuedTokens]).toEqual([0, 0]);
  });

  test("before the request comes ends it before any work", async () => {
    const { submit, pipeline } = setUp();
    expect(await errorOf(submit({ texts: texts(1, 10), signal: AbortSignal.abort() }))).toMatchObject({
      name: "AbortError",
    });
    expect(pipeline.submissions).toEqual([]);
  });

  test("of a request that is with the pipeline lets others in its micro-batch finish", async () => {
    const { submit, pipeline, batcher } = setUp();
    const controller = new AbortController();
    void submit({ texts: texts(1, 10) });
    const aborted = errorOf(submit({ texts: [text(1, 10)], signal: controller.signal }));
    const other = submit({ texts: [text(2, 10)] });
    pipeline.complete();
    await turn();
    expect(pipeline.inFlight[0]!.texts).toHaveLength(2);
    controller.abort();
    pipeline.complete();
    expect(await aborted).toMatchObject({ name: "AbortError" });
    expect((await other).vectors[0]![0]).toBe(2);
    await batcher.idle();
  });

  test("of a request that is with the pipeline is not undone by a lost stage: nothing of it is sent again", async () => {
    const { submit, pipeline, batcher } = setUp();
    const controller = new AbortController();
    const aborted = errorOf(submit({ texts: texts(1, 10), signal: controller.signal }));
    controller.abort();
    pipeline.lose();
    await turn();
    expect(pipeline.submissions).toHaveLength(1);
    expect(await aborted).toMatchObject({ name: "AbortError" });
    expect([batcher.queuedTexts, batcher.queuedTokens]).toEqual([0, 0]);
  });

  test("leaves no listener on a signal that outlives the request", async () => {
    const { submit, pipeline } = setUp();
    const { signal } = new AbortController();
    const removed = vi.spyOn(signal, "removeEventListener");
    const response = submit({ texts: texts(1, 10), signal });
    await completeAll(pipeline);
    await response;
    expect(removed).toHaveBeenCalledTimes(1);
  });
});

describe("a lost stage", () => {
  test("has what it was working on sent again, with the number of the attempt", async () => {
    const { submit, pipeline } = setUp({ slots: 2, maxBatchTokens: 10 });
    const response = submit({ texts: [text(1, 10), text(2, 10)] });
    pipeline.lose();
    await turn();
    expect(pipeline.submissions.map(({ attempt }) => attempt)).toEqual([0, 0, 1, 1]);
    await completeAll(pipeline);
    expect((await response).vectors.map((vector) => vector[0])).toEqual([1, 2]);
  });

  test("twice has its texts run one by one", async () => {
    const { submit, pipeline, sent } = setUp();
    const response = submit({ texts: [text(1, 10), text(2, 10), text(3, 10)] });
    for (let round = 0; round < 2; round++) {
      pipeline.lose();
      await turn();
    }
    await completeAll(pipeline);
    expect(sent().map((ids) => ids.length)).toEqual([3, 3, 1, 1, 1]);
    expect((await response).vectors.map((vector) => vector[0])).toEqual([1, 2, 3]);
  });

  test("four times on one text ends its request with StageUnavailableError", async () => {
    const { submit, pipeline, batcher } = setUp();
    const error = errorOf(submit({ texts: texts(1, 10) }));
    for (let round = 0; round < 4; round++) {
      expect(pipeline.inFlight).toHaveLength(1);
      pipeline.lose(3);
      await turn();
    }
    expect(await error).toBeInstanceOf(StageUnavailableError);
    expect(await error).toMatchObject({ stage: 3 });
    expect(String(await error)).toContain("lost 4 times");
    expect(pipeline.submissions).toHaveLength(4);
    await batcher.idle();
  });

  test("has texts that wait for it counted in the queue again", async () => {
    const { submit, pipeline, batcher } = setUp();
    void submit({ texts: texts(3, 10) });
    expect([batcher.queuedTexts, batcher.queuedTokens]).toEqual([0, 0]);
    pipeline.missingStage = 0;
    pipeline.lose();
    await turn();
    expect([batcher.queuedTexts, batcher.queuedTokens]).toEqual([3, 30]);
    pipeline.missingStage = null;
    pipeline.changed();
    expect([batcher.queuedTexts, batcher.queuedTokens]).toEqual([0, 0]);
  });

  // A pipeline holds several micro-batches: whoever is in it with a text that kills stages must not die of that.
  test.each([1, 2, 3, 6])("because of one text fails the request of that text alone (%i slots)", async (slots) => {
    const { submit, pipeline, batcher } = setUp({ slots, maxBatchTokens: 40 });
    const killer = 666;
    const innocent = Array.from({ length: 12 }, (_, index) => submit({ texts: texts(3, 10, 1000 + 10 * index) }));
    for (const each of innocent) each.catch(() => {});
    const guilty = errorOf(submit({ texts: [text(killer, 10), text(667, 10)] }));
    const later = Array.from({ length: 4 }, (_, index) => submit({ texts: texts(2, 10, 3000 + 10 * index) }));
    for (let step = 0; step < 500 && pipeline.inFlight.length > 0; step++) {
      if (pipeline.inFlight.some((each) => each.texts.some((ids) => ids[0] === killer))) pipeline.lose(1);
      else pipeline.complete();
      await turn();
    }
    expect(await guilty).toBeInstanceOf(StageUnavailableError);
    const vectors = await Promise.all([...innocent, ...later].map(async (each) => (await each).vectors.length));
    expect(vectors).toEqual([...Array<number>(12).fill(3), ...Array<number>(4).fill(2)]);
    await batcher.idle();
  });
});

describe("a stage that fails on a micro-batch", () => {
  test("of several texts has each run alone, so that only the guilty request fails", async () => {
    const { submit, pipeline, batcher } = setUp({ slots: 2 });
    void submit({ texts: [text(1, 5)] });
    void submit({ texts: [text(2, 5)] });
    const innocent = [submit({ texts: [text(10, 5)] }), submit({ texts: [text(11, 5), text(12, 5)] })];
    const guilty = errorOf(submit({ texts: [text(666, 5), text(13, 5)] }));
    for (await turn(); pipeline.inFlight.length > 0; await turn()) {
      const [oldest] = pipeline.inFlight;
      if (oldest!.texts.some((ids) => ids[0] === 666)) pipeline.fail(oldest, 1);
      else pipeline.complete();
    }
    expect(await guilty).toBeInstanceOf(StageFailureError);
    expect(await guilty).toMatchObject({ stage: 1 });
    expect((await Promise.all(innocent)).map(({ vectors }) => vectors.length)).toEqual([1, 2]);
    await batcher.idle();
  });

  test("of one text ends its request, whose other texts are not sent any more", async () => {
    const { submit, pipeline, batcher } = setUp({ maxBatchTokens: 10 });
    const error = errorOf(submit({ texts: texts(5, 10) }));
    pipeline.fail();
    expect(await error).toBeInstanceOf(StageFailureError);
    expect(batcher.queuedTexts).toBe(0);
    await completeAll(pipeline);
    // One more was sent as soon as there was room for it.
    expect(pipeline.submissions).toHaveLength(2);
  });
});

describe("Batcher.idle()", () => {
  test("resolves once the last request has ended, however it ended", async () => {
    const { submit, pipeline, batcher } = setUp();
    await batcher.idle();
    const controller = new AbortController();
    void submit({ texts: texts(1, 10) });
    void errorOf(submit({ texts: texts(1, 10), signal: controller.signal }));
    let isIdle = false;
    void batcher.idle().then(() => (isIdle = true));
    pipeline.complete();
    await turn();
    expect(isIdle).toBe(false);
    controller.abort();
    await turn();
    expect(isIdle).toBe(true);
  });
});
