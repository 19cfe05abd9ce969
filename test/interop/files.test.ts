/** @file Files that we write and Python reads, and the other way round: tokenizers, weights, the Hugging Face cache. */
import { openSafetensors, resolveModel, writeSafetensors, type TensorToWrite } from "@stagecoach/transformer/node";
import { toCodePointOffsets } from "@stagecoach/tokenizer";
import { loadTokenizer } from "@stagecoach/tokenizer/node";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FakeHub } from "../../libs/transformer/src/node/hub/testing/fakeHub.ts";
import { tinyModel, wantedFiles } from "../../libs/transformer/src/node/hub/testing/tinyModel.ts";
import { golden } from "../harness/goldenSentences.ts";
import { runPython } from "../harness/python.ts";
import { stagecoach } from "../harness/startServer.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "stagecoach-files-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a tokenizer.json that `stagecoach tokenizer train` wrote", () => {
  const texts = [
    ...golden.texts,
    "Unseen w\u00f6rds, \u4e2d\u6587 \u{1F600}\u{1F44D}\u{1F3FD}!",
    "e\u0301 NUL\u0000 \u00a0tabs\t\n",
    "",
  ];

  test.each([
    ["lower case", []],
    ["cased", ["--cased"]],
  ])("%s: Python's tokenizers load it, and give the same ids, tokens, offsets and text", async (name, flags) => {
    const corpus = join(folder, "corpus.txt");
    writeFileSync(corpus, `${golden.texts.join("\n")}\n`.repeat(5));
    const output = join(folder, name);
    const args = ["tokenizer", "train", corpus, "--output", output, "--vocab-size", "150", ...flags];
    expect((await stagecoach(args)).code).toBe(0);

    type Encoded = { ids: number[]; tokens: string[]; offsets: [number, number][] };
    const theirs = await runPython<{ encodings: Encoded[]; decoded: string[]; vocab_size: number }>(
      "tokenizer_run.py",
      {
        path: join(output, "tokenizer.json"),
        texts,
      },
    );
    const tokenizer = await loadTokenizer(output);
    const ours = texts.map((text) => {
      const { ids, tokens, offsets } = tokenizer.encode(text);
      const points = toCodePointOffsets(text, offsets);
      return {
        ids: [...ids],
        tokens: [...tokens],
        offsets: [...ids].map((_, index) => [points[2 * index], points[2 * index + 1]]),
      };
    });
    expect(ours).toEqual(theirs.encodings);
    expect(ours.map(({ ids }) => tokenizer.decode(ids))).toEqual(theirs.decoded);
    expect(theirs.vocab_size).toBe(tokenizer.vocabSize);
    expect(theirs.encodings[0]!.ids.length).toBeGreaterThan(5);
  });
});

describe("safetensors", () => {
  test("Python reads what we write, and we read what Python writes", async () => {
    const [path, back] = [join(folder, "ours.safetensors"), join(folder, "theirs.safetensors")];
    const tensors = new Map<string, TensorToWrite>([
      ["weight", { dtype: "F32", shape: [2, 3], data: Float32Array.of(1, -2.5, 3e-40, Infinity, -0, 7e30) }],
      ["half", { dtype: "F16", shape: [4], data: Uint16Array.of(0x3c00, 0xbc00, 0x7bff, 0x0001) }],
      ["ids", { dtype: "I64", shape: [2, 1], data: BigInt64Array.of(-1n, 2n ** 62n) }],
      ["mask", { dtype: "U8", shape: [3], data: Uint8Array.of(0, 1, 255) }],
      ["scalar", { dtype: "I32", shape: [], data: Int32Array.of(-7) }],
      ["empty", { dtype: "F32", shape: [0, 5], data: new Float32Array(0) }],
    ]);
    await writeSafetensors(path, tensors, { metadata: { format: "pt", note: "geschrieben \u00fcber \u4e2d\u6587" } });
    type Read = { dtype: string; shape: number[]; bytes: string };
    const read = await runPython<{ tensors: Record<string, Read>; metadata: Record<string, string> }>(
      "safetensors_run.py",
      {
        read: path,
        write: back,
      },
    );
    const numpyNames: Record<string, string> = {
      F32: "float32",
      F16: "float16",
      I64: "int64",
      U8: "uint8",
      I32: "int32",
    };
    const expected = [...tensors].map(([name, { dtype, shape, data }]) => {
      const { buffer, byteOffset, byteLength } = data as Uint8Array;
      return [
        name,
        { dtype: numpyNames[dtype], shape, bytes: Buffer.from(buffer, byteOffset, byteLength).toString("hex") },
      ];
    });
    expect(read.tensors).toEqual(Object.fromEntries(expected));
    expect(read.metadata).toEqual({ format: "pt", note: "geschrieben \u00fcber \u4e2d\u6587" });

    await using theirs = await openSafetensors(back);
    expect(theirs.entry("weight").shape).toEqual([3, 4]);
    const sevenths = Array.from({ length: 12 }, (_, index) => Math.fround((index - 6) / 7));
    expect([...(await theirs.readFloat32("weight"))]).toEqual(sevenths);
    expect([...(await theirs.readFloat32("half"))]).toEqual([0.5, -1.25, 65504, 2 ** -24]);
    expect([...(await theirs.readInt32("ids"))]).toEqual([1, -2, 2 ** 31 - 1, 0]);
  });
});

describe("the Hugging Face cache", () => {
  type Snapshot = { folder: string; files: string[]; warnings: string[]; repos: string[] };
  const snapshot = (cache: string, endpoint: string | null) =>
    runPython<Snapshot>("hub_cache.py", { id: tinyModel.id, cache, endpoint });

  test("what we have downloaded, Python finds without the network, and finds nothing wrong with", async () => {
    await using hub = await FakeHub.start(tinyModel);
    const cacheFolder = mkdtempSync(join(folder, "cache-"));
    const ours = await resolveModel(tinyModel.id, { endpoint: hub.endpoint, cacheFolder, env: {} });
    expect(ours.source).toBe("download");
    const theirs = await snapshot(cacheFolder, null);
    expect(theirs.folder).toBe(ours.folder);
    expect(theirs.files).toEqual(wantedFiles);
    expect(theirs).toMatchObject({ warnings: [], repos: [tinyModel.id] });
  });

  test("what Python has downloaded, we find without the network", async () => {
    const cacheFolder = mkdtempSync(join(folder, "cache-"));
    let theirs: Snapshot;
    {
      await using hub = await FakeHub.start(tinyModel);
      theirs = await snapshot(cacheFolder, hub.endpoint);
    }
    const ours = await resolveModel(tinyModel.id, { offline: true, cacheFolder, env: {} });
    expect(ours).toMatchObject({ folder: theirs.folder, source: "cache", revision: tinyModel.commit });
    const weights = readFileSync(join(ours.folder, "model.safetensors"));
    expect(weights.equals(Buffer.from(tinyModel.files["model.safetensors"] as Uint8Array))).toBe(true);
  });

  test("after Python, we download only what a newer commit has changed", async () => {
    const cacheFolder = mkdtempSync(join(folder, "cache-"));
    await using hub = await FakeHub.start(tinyModel);
    await snapshot(cacheFolder, hub.endpoint);
    hub.requests.length = 0;
    hub.model = {
      ...tinyModel,
      commit: "f".repeat(40),
      files: { ...tinyModel.files, "config.json": '{"model_type":"bert","changed":true}' },
    };
    const ours = await resolveModel(tinyModel.id, { endpoint: hub.endpoint, cacheFolder, refresh: true, env: {} });
    expect(ours.revision).toBe("f".repeat(40));
    expect(hub.fetchesOf("config.json").length).toBe(1);
    expect(hub.fetchesOf("model.safetensors").length).toBe(0);
    expect((await snapshot(cacheFolder, null)).folder).toBe(ours.folder);
  });
});
