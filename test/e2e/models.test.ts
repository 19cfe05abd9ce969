/** @file `stagecoach models`: what a model is, and its graph as a file for other programs. */
import { InferenceSession, Tensor } from "onnxruntime-node";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSafetensors } from "@stagecoach/transformer/node";
import { loadEncoder } from "stagecoach";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { largestError } from "../golden/compareEncoder.ts";
import { golden, TOLERANCE } from "../harness/goldenSentences.ts";
import { fixtures, tinyEncoder } from "../harness/paths.ts";
import { stagecoach } from "../harness/startServer.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "stagecoach-models-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("stagecoach models show", () => {
  test("says what the folder's files say", async () => {
    const { code, stdout } = await stagecoach(["models", "show", "--model", tinyEncoder]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      modelType: "bert",
      hiddenSize: 32,
      numLayers: 4,
      numHeads: 4,
      maxLength: 64,
      pooling: ["mean"],
      transforms: ["normalize"],
      dimensions: 32,
      prompts: { query: "query: ", passage: "passage: ", document: "" },
      defaultPromptName: null,
    });
  });
});

describe("stagecoach models export --format onnx", () => {
  test("writes a graph that another runtime runs, on padded batches from either side", async () => {
    const output = join(folder, "new", "tiny.onnx");
    const { code, stdout } = await stagecoach([
      "models",
      "export",
      "--model",
      tinyEncoder,
      "--format",
      "onnx",
      "--output",
      output,
    ]);
    expect(code).toBe(0);
    expect(stdout).toContain(output);
    expect(readdirSync(join(folder, "new")).toSorted()).toEqual(["tiny.onnx", "tiny.onnx.data"]);
    const session = await InferenceSession.create(output);
    expect([...session.inputNames].toSorted()).toEqual(["attention_mask", "input_ids", "token_type_ids"]);
    for (const side of ["right", "left"] as const) {
      const { sentence_embedding: sentences } = await session.run(padded(golden.token_ids, side));
      const rows = golden.embeddings.map((_, row) =>
        [...(sentences!.data as Float32Array)].slice(row * 32, (row + 1) * 32),
      );
      const errors = rows.map((row, index) => largestError(row, golden.embeddings[index]!));
      expect(errors.length).toBe(golden.texts.length);
      expect(Math.max(...errors)).toBeLessThan(TOLERANCE);
    }
    await session.release();
  });

  test.each([
    [["--format", "gguf", "--output", "a"], /Allowed choices are onnx/],
    [["--format", "onnx"], /required option '--output <path>' not specified/],
    [["--output", "a"], /required option '--format <format>' not specified/],
  ])("%j is refused", async (flags, message) => {
    const { code, stderr } = await stagecoach(["models", "export", "--model", tinyEncoder, ...flags]);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  test("a family whose graph needs more than padded inputs is refused, and leaves no file", async () => {
    const output = join(folder, "mpnet.onnx");
    const args = ["models", "export", "--model", `${fixtures}encoders/mpnet`, "--format", "onnx", "--output", output];
    const { code, stderr } = await stagecoach(args);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^stagecoach: export: mpnet needs relative positions/)]);
    expect(readdirSync(folder).filter((name) => name.startsWith("mpnet"))).toEqual([]);
  });
});

describe("stagecoach models export --format safetensors", () => {
  const exportTo = (output: string, ...flags: string[]) => {
    const args = ["models", "export", "--model", tinyEncoder, "--format", "safetensors", "--output", output];
    return stagecoach([...args, ...flags]);
  };

  test("--dtype float16: half the bytes, every weight rounded to the nearest, and a model that is served like the first", async () => {
    const output = join(folder, "half");
    const { code, stdout } = await exportTo(output, "--dtype", "float16");
    expect(code).toBe(0);
    expect(stdout).toContain(join(output, "model.safetensors"));
    // What is computed in: Python gives the same vectors.
    expect(JSON.parse(readFileSync(join(output, "config.json"), "utf8"))).toMatchObject({ dtype: "float32" });
    await using half = await openSafetensors(output);
    await using whole = await openSafetensors(tinyEncoder);
    expect(half.names().toSorted()).toEqual(whole.names().toSorted());
    for (const name of whole.names()) {
      expect(half.entry(name)).toMatchObject({ dtype: "F16", shape: whole.entry(name).shape });
      expect(await half.readFloat32(name), name).toEqual((await whole.readFloat32(name)).map(Math.f16round));
    }
    expect(readdirSync(output).toSorted()).toEqual(readdirSync(tinyEncoder).toSorted());
    const vectorsOf = async (model: string) => {
      await using encoder = await loadEncoder(model, { threads: 1 });
      return encoder.encode(golden.texts);
    };
    const [ours, theirs] = [await vectorsOf(output), await vectorsOf(tinyEncoder)];
    const errors = ours.map((vector, text) => largestError(vector, theirs[text]!));
    expect(Math.max(...errors)).toBeLessThan(5e-3);
    expect(Math.max(...errors)).toBeGreaterThan(0);
  });

  test("an output that is there, and a precision for ONNX, are refused", async () => {
    const there = await exportTo(folder);
    expect(there).toMatchObject({ code: 2 });
    expect(there.stderr).toContain("--output: expected a new folder");
    const inside = await exportTo(join(tinyEncoder, "half"));
    expect(inside.stderr).toContain("--output: expected a folder outside of the model's");
    expect((await exportTo(`${join(folder, "slash")}/`)).code).toBe(0);
    const args = ["models", "export", "--model", tinyEncoder, "--format", "onnx", "--output", join(folder, "x.onnx")];
    const onnx = await stagecoach([...args, "--dtype", "float16"]);
    expect(onnx).toMatchObject({ code: 2 });
    expect(onnx.stderr).toContain("--dtype: expected it with --format safetensors");
  });
});

describe("stagecoach models download", () => {
  test("offline and not cached: the three ways out", async () => {
    const env = { HF_HUB_OFFLINE: "1", HF_HOME: join(folder, "hf") };
    const { code, stderr } = await stagecoach(["models", "download", "--model", "org/none"], { env });
    expect(code).toBe(2);
    expect(stderr).toMatch(/^stagecoach: org\/none: expected the model in the cache or on the hub/);
    for (const way of ["1. Give a folder", "2. Bring the cache", "3. Allow the network"]) expect(stderr).toContain(way);
  });
});

/** Token ids as int64 matrices, padded with 0. */
function padded(texts: readonly (readonly number[])[], side: "left" | "right") {
  const [B, L] = [texts.length, Math.max(...texts.map(({ length }) => length))];
  const [ids, mask] = [new BigInt64Array(B * L), new BigInt64Array(B * L)];
  texts.forEach((text, row) => {
    const start = row * L + (side === "left" ? L - text.length : 0);
    text.forEach((id, place) => {
      ids[start + place] = BigInt(id);
      mask[start + place] = 1n;
    });
  });
  const matrix = (values: BigInt64Array) => new Tensor("int64", values, [B, L]);
  return { input_ids: matrix(ids), attention_mask: matrix(mask), token_type_ids: matrix(new BigInt64Array(B * L)) };
}
