/** @file The library without a server: progress, ends that are asked for early, and a model that comes from a hub. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadEncoder, type Encoder } from "stagecoach";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { FakeHub } from "../../libs/transformer/src/node/hub/testing/fakeHub.ts";
import { largestError } from "../golden/compareEncoder.ts";
import { golden, TOLERANCE } from "../harness/goldenSentences.ts";
import { hubModel, hubModelBytes } from "../harness/hubModel.ts";
import { tinyEncoder } from "../harness/paths.ts";

const many = Array.from({ length: 5000 }, (_, index) => golden.texts[index % golden.texts.length]!);

function expectRight(vectors: readonly Float32Array[]): void {
  const errors = vectors.map((vector, index) => largestError(vector, golden.embeddings[index % golden.texts.length]!));
  expect(errors.length).toBeGreaterThan(0);
  expect(Math.max(...errors)).toBeLessThan(TOLERANCE);
}

describe("encode()", () => {
  let encoder: Encoder;
  beforeAll(async () => {
    encoder = await loadEncoder(tinyEncoder, { threads: 1 });
  });
  afterAll(() => encoder.close());

  test("tells how far it is, to the end", async () => {
    const seen: number[] = [];
    const vectors = await encoder.encode(many, {
      onProgress: ({ done, total }) => {
        expect(total).toBe(many.length);
        seen.push(done);
      },
    });
    expectRight(vectors);
    expect(seen.length).toBeGreaterThan(1);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(seen.at(-1)).toBe(many.length);
  });

  test("ends with the signal's reason, and the encoder works on", async () => {
    const reason = new Error("enough");
    const stop = new AbortController();
    const work = encoder.encode(many, { signal: stop.signal, onProgress: () => stop.abort(reason) });
    await expect(work).rejects.toBe(reason);
    await expect(encoder.encode(["a"], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expectRight(await encoder.encode(golden.texts));
  });

  test("takes token ids, an empty text, and no texts at all", async () => {
    expectRight([(await encoder.encode([golden.token_ids[0]!.slice(1, -1)]))[0]!]);
    expect((await encoder.encode([""])).map(({ length }) => length)).toEqual([encoder.dimensions]);
    expect(await encoder.encode([])).toEqual([]);
  });

  test("refuses what does not fit, by name", async () => {
    await expect(encoder.encode(["a"], { dimensions: 33 })).rejects.toThrow(/dimensions.*1 to 32.*33/);
    await expect(encoder.encode(["a"], { promptName: "nobody" })).rejects.toThrow(/prompt.*query.*"nobody"/);
    await expect(encoder.encode(["x ".repeat(100)], { truncate: false })).rejects.toThrow(/64 tokens/);
  });
});

describe("close()", () => {
  test("finishes what was asked; may be called twice; nothing can be asked of it afterwards", async () => {
    const encoder = await loadEncoder(tinyEncoder, { threads: 1 });
    const work = encoder.encode(golden.texts);
    await Promise.all([encoder.close(), encoder.close()]);
    expectRight(await work);
    await expect(encoder.encode(["a"])).rejects.toThrow("this encoder is closed");
  });
});

describe("loadEncoder()", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "stagecoach-encoder-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  afterEach(() => vi.unstubAllEnvs());

  const useHub = (endpoint: string, cache: string) => {
    vi.stubEnv("HF_ENDPOINT", endpoint);
    vi.stubEnv("HF_HUB_CACHE", join(folder, cache));
    vi.stubEnv("HF_HUB_OFFLINE", "0");
  };

  test("downloads a hub id with progress, and finds it in the cache the next time", async () => {
    const reached = new Map<number, number>();
    {
      await using hub = await FakeHub.start(hubModel);
      useHub(hub.endpoint, "cache");
      await using encoder = await loadEncoder(hubModel.id, {
        threads: 1,
        onProgress: ({ bytes, totalBytes }) => reached.set(totalBytes, bytes),
      });
      expectRight(await encoder.encode(golden.texts));
    }
    expect([...reached]).toEqual([[hubModelBytes, hubModelBytes]]);
    await using encoder = await loadEncoder(hubModel.id, { threads: 1 });
    expectRight(await encoder.encode(golden.texts));
  });

  test("ends with the signal's reason while it downloads, and when it was aborted before", async () => {
    const reason = new Error("changed my mind");
    await using hub = await FakeHub.start(hubModel);
    useHub(hub.endpoint, "aborted");
    const stop = new AbortController();
    hub.lastingFaults.set("model.safetensors", { kind: "slow", chunkBytes: 1000, everyMs: 20 });
    const loading = loadEncoder(hubModel.id, { signal: stop.signal, onProgress: () => stop.abort(reason) });
    await expect(loading).rejects.toBe(reason);
    await expect(loadEncoder(tinyEncoder, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});
