import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EngineThreadError } from "@stagecoach/engine/node";
import { unixNow } from "./clock.ts";
import { StageThread } from "./stageThread.ts";

/** Four layers, 32 dimensions, texts of up to 96 tokens, ids below 200 (tools/oracles/sentence_encoder.py). */
const folder = join(import.meta.dirname, "../../../../test/fixtures/tiny-encoder");
const engine = { engine: "onnxruntime", threads: 1 } as const;

/** `count` texts of 96 tokens, all equal. */
function batchOf(count: number) {
  const inputIds = Int32Array.from({ length: 96 * count }, (_, row) => 5 + (((row % 96) * 7) % 150));
  return { lengths: new Int32Array(count).fill(96), inputIds, tokenTypeIds: new Int32Array(96 * count) };
}

describe("StageThread", () => {
  const thread = new StageThread(engine);
  beforeAll(() => thread.load({ folder, ...engine }));
  afterAll(() => thread.stop());

  test("says what it has loaded and what a run costs", async () => {
    const { facts, runCost } = await thread.load({ folder, layers: { start: 1, end: 3 }, ...engine });
    expect(facts.engine).toContain("ONNX Runtime");
    // Two of four layers, per layer 4 D^2 + 2 D F weights, 5 D + F biases, 4 D of norms; D = 32, F = 64.
    expect(facts.parameterBytes).toBe(4 * 2 * (4 * 32 * 32 + 2 * 32 * 64 + 9 * 32 + 64));
    expect(Object.values(runCost).every((part) => part >= 0 && part < Infinity)).toBe(true);
    await thread.load({ folder, ...engine });
  });

  test("runs a small micro-batch and a large one, whose arrays it takes, alike", async () => {
    const small = batchOf(1);
    const one = await thread.run(small, "sentence");
    expect(small.inputIds).toHaveLength(96);
    const large = batchOf(100);
    const many = await thread.run(large, "sentence");
    // 38,400 bytes of ids were given away, not copied.
    expect(large.inputIds).toHaveLength(0);
    expect([one.shape, many.shape]).toEqual([
      [1, 32],
      [100, 32],
    ]);
    // Float32 sums of another order: the engine's kernels depend on the number of rows.
    const difference = Math.max(...one.data.map((value, at) => Math.abs(value - many.data[99 * 32 + at]!)));
    expect(difference).toBeLessThan(1e-5);
  });

  test("rejects what cannot be run with the error's code, and goes on", async () => {
    const wrong = batchOf(1);
    wrong.inputIds[3] = 200;
    const error: unknown = await thread.run(wrong, "sentence").catch((each: unknown) => each);
    expect(error).toBeInstanceOf(EngineThreadError);
    expect(error).toMatchObject({ name: "BatchError", code: "invalid_batch" });
    expect((await thread.run(batchOf(1), "sentence")).shape).toEqual([1, 32]);
  });

  test("keeps nothing of a request that cannot be sent: it would count as stuck for ever", async () => {
    // Memory that is shared with another thread cannot be given away.
    const shared = { ...batchOf(1), inputIds: new Int32Array(new SharedArrayBuffer(65_536)) };
    await expect(thread.run(shared as never, "sentence")).rejects.toThrow(/SharedArrayBuffer|cloned|transfer/i);
    expect(thread.runningMs).toBe(0);
  });

  test("says when the engine began, by the clock that this thread has too", async () => {
    const before = unixNow();
    const { startedAt, busyMs } = await thread.run(batchOf(100), "sentence");
    const after = unixNow();
    // What two threads take for the time differs by 2 ms at most, and the engine takes longer.
    expect(busyMs).toBeGreaterThan(4);
    expect(startedAt).toBeGreaterThan(before - 2);
    expect(startedAt + busyMs).toBeLessThan(after + 2);
  });

  test("counts the time of what it is doing", async () => {
    const running = thread.run(batchOf(100), "tokens");
    expect(thread.runningMs).toBeGreaterThanOrEqual(0);
    await running;
    expect(thread.runningMs).toBe(0);
  });
});

describe("a StageThread that has ended", () => {
  test("rejects at once what it is asked, and can be stopped again", async () => {
    const thread = new StageThread(engine);
    await thread.stop();
    expect(String(await thread.ended)).toMatch(/ended with code 0/);
    await expect(thread.run(batchOf(1), "sentence")).rejects.toThrow(/the engine thread ended with code 0/);
    await expect(thread.load({ folder, ...engine })).rejects.toThrow(/the engine thread ended/);
    await thread.stop();
    expect(thread.runningMs).toBe(0);
  });

  test("rejects what it was asked before", async () => {
    const thread = new StageThread(engine);
    const stopping = thread.stop();
    const late = thread.load({ folder, ...engine }).catch((error: unknown) => error);
    await stopping;
    expect(String(await late)).toMatch(/the engine thread ended/);
  });
});
