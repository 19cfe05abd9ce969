import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingModelFiles, selectModelFiles, selectShards } from "./modelFiles.ts";

const modules = (...paths: [string, string][]) => JSON.stringify(paths.map(([path, type]) => ({ path, type })));

describe("selectModelFiles()", () => {
  test.each([
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "modules.json",
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
    "sentence_xlm-roberta_config.json",
    "1_Pooling/config.json",
    "2_Dense/config.json",
    "2_Dense/model.safetensors",
    "0_Transformer/tokenizer.json",
  ])("takes %s", (path) => {
    expect(selectModelFiles([path, "model.safetensors"], "m").files).toEqual([path, "model.safetensors"]);
  });

  test.each([
    "README.md",
    "pytorch_model.bin",
    "2_Dense/pytorch_model.bin",
    "tf_model.h5",
    "flax_model.msgpack",
    "onnx/model.onnx",
    "onnx/config.json",
    "onnx/model.safetensors",
    "model.fp16.safetensors",
    "openvino/openvino_model.bin",
    "training_args.bin",
    "1_Pooling/deeper/config.json",
    "xconfig.json",
    "config.json.bak",
    "coreml/weights.safetensors",
    "sentencepiece.bpe.model",
  ])("leaves %s", (path) => {
    expect(selectModelFiles([path, "model.safetensors"], "m").files).toEqual(["model.safetensors"]);
  });

  test("takes one file of weights before an index, and names the index otherwise", () => {
    const both = ["model.safetensors", "model.safetensors.index.json"];
    expect(selectModelFiles(both, "m")).toEqual({ files: ["model.safetensors"], index: undefined });
    expect(selectModelFiles(both.slice(1), "m").index).toBe("model.safetensors.index.json");
  });

  test("takes the weights of an old sentence-transformers layout, but not of a later module, for the model's", () => {
    expect(selectModelFiles(["0_Transformer/model.safetensors"], "m").files).toEqual([
      "0_Transformer/model.safetensors",
    ]);
    expect(() => selectModelFiles(["2_Dense/model.safetensors", "pytorch_model.bin"], "m")).toThrow(
      "got pytorch_model.bin",
    );
  });
});

describe("selectShards()", () => {
  test("names a shard that the repository does not have", () => {
    const index = JSON.stringify({ weight_map: { a: "x.safetensors", b: "y.safetensors" } });
    expect(selectShards(index, ["x.safetensors", "y.safetensors", "z.safetensors"], "m")).toEqual(["x.safetensors", "y.safetensors"]); // prettier-ignore
    expect(() => selectShards(index, ["x.safetensors"], "m")).toThrow("expected the shard y.safetensors");
  });
});

describe("missingModelFiles()", () => {
  let scratch: string;
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), "missingModelFiles-"));
  });
  afterAll(() => rm(scratch, { recursive: true }));

  async function missing(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
    const folder = await mkdtemp(join(scratch, "model-"));
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    return missingModelFiles(folder, { tokenizer: true, weights: true });
  }
  const plain = { "config.json": "{}", "model.safetensors": "", "vocab.txt": "" };

  test("finds nothing missing in a plain model", async () => {
    expect(await missing(plain)).toEqual([]);
  });

  test("names everything that is missing", async () => {
    expect(await missing({})).toEqual(["config.json", "model.safetensors", "tokenizer.json or vocab.txt"]);
  });

  test("names the shards that are missing", async () => {
    const index = JSON.stringify({ weight_map: { a: "x.safetensors", b: "y.safetensors" } });
    const { "model.safetensors": _, ...rest } = plain;
    const sharded = { ...rest, "model.safetensors.index.json": index, "x.safetensors": "" };
    expect(await missing(sharded)).toEqual(["y.safetensors"]);
  });

  test("asks for the configuration of each module but those that have none", async () => {
    const text = modules(["", "x.Transformer"], ["1_Pooling", "x.Pooling"], ["2_Normalize", "x.Normalize"]);
    expect(await missing({ ...plain, "modules.json": text })).toEqual(["1_Pooling/config.json"]);
  });

  test("looks for the transformer where an old sentence-transformers layout has it", async () => {
    const files = Object.fromEntries(Object.entries(plain).map(([path, text]) => [`0_BERT/${path}`, text]));
    expect(await missing({ ...files, "modules.json": modules(["0_BERT", "x.BERT"]) })).toEqual([]);
  });

  test.each(["{", ""])("says that modules.json is damaged: %j", async (text) => {
    await expect(missing({ ...plain, "modules.json": text })).rejects.toMatchObject({ code: "model_folder_invalid" });
  });
});
