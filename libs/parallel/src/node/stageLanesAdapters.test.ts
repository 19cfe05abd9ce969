import { writeSafetensors } from "@stagecoach/transformer/node";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Random } from "../testing/random.ts";
import { StageLanes } from "./stageLanes.ts";

/** Four layers, 32 dimensions (tools/oracles/sentence_encoder.py). */
const base = join(import.meta.dirname, "../../../../test/fixtures/tiny-encoder");
const engine = "onnxruntime";

let parent: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "stageLanesAdapters-"));
});
afterEach(() => rm(parent, { recursive: true, force: true }));

/** An adapter of rank 2 beside queries, and beside the layer before GELU, whose bias is fused another way then. */
async function writeAdapter(seed: number): Promise<string> {
  const folder = join(parent, `adapter-${seed}`);
  await cp(base, folder, { recursive: true, filter: (path) => !path.endsWith(".safetensors") });
  const config = { peft_type: "LORA", r: 2, lora_alpha: 4, base_model_name_or_path: base };
  await writeFile(join(folder, "adapter_config.json"), JSON.stringify(config));
  const { hidden_size: D, intermediate_size: F } = JSON.parse(await readFile(join(base, "config.json"), "utf8")) as {
    hidden_size: number;
    intermediate_size: number;
  };
  const random = new Random(seed);
  const tensor = (shape: readonly number[]) => ({
    dtype: "F32" as const,
    shape,
    data: () => Promise.resolve(Float32Array.from({ length: shape[0]! * shape[1]! }, () => random.next() - 0.5)),
  });
  const modules = [0, 1, 2, 3].flatMap((layer) => [
    [`encoder.layer.${layer}.attention.self.query`, D] as const,
    [`encoder.layer.${layer}.intermediate.dense`, F] as const,
  ]);
  const tensors = modules.flatMap(([module, outputs]) => [
    [`base_model.model.${module}.lora_A.weight`, tensor([2, D])] as const,
    [`base_model.model.${module}.lora_B.weight`, tensor([outputs, 2])] as const,
  ]);
  await writeSafetensors(join(folder, "adapter_model.safetensors"), new Map(tensors));
  return folder;
}

const batch = () => ({
  inputIds: Int32Array.from({ length: 40 }, (_, row) => 5 + row * 3),
  lengths: Int32Array.of(30, 10),
  tokenTypeIds: new Int32Array(40),
});
const programs = async () =>
  (await readdir(tmpdir())).filter((name) => name.startsWith(`stagecoach-program-${process.pid}-`));
const largestDifference = (a: Float32Array, b: Float32Array) =>
  Math.max(...a.map((value, at) => Math.abs(value - b[at]!)));

describe.each([1, 2])("StageLanes with adapters beside a model, %i threads", (threads) => {
  test("gives what each adapter gives by itself, and the bytes that the base gave before", async () => {
    const lanes = new StageLanes({ engine, threads });
    await lanes.load({ folder: base, engine, threads });
    const before = (await lanes.run(batch(), "sentence")).data;
    const folders = [await writeAdapter(1), await writeAdapter(2)];
    for (const [at, folder] of folders.entries()) await lanes.loadBeside({ model: at + 1, folder, engine, threads });
    for (const [at, folder] of folders.entries()) {
      await lanes.load({ model: 9, folder, engine, threads });
      const alone = (await lanes.run(batch(), "sentence", 9)).data;
      // One that is alone runs on all threads, several in lanes.
      const beside = await Promise.all([1, 2, 3].map(() => lanes.run(batch(), "sentence", at + 1)));
      for (const { data } of beside) expect(largestDifference(data, alone)).toBeLessThan(1e-6);
      expect(largestDifference(alone, before)).toBeGreaterThan(1e-3);
    }
    const after = await Promise.all([1, 2, 3].map(() => lanes.run(batch(), "sentence")));
    for (const { data } of after) expect(data).toEqual(before);
    await lanes.stop();
  });

  test("keeps the base's program while there are adapters, and serves the others when one goes", async () => {
    const lanes = new StageLanes({ engine, threads });
    await lanes.load({ folder: base, engine, threads });
    expect(await programs()).toEqual([]);
    for (const model of [1, 2]) await lanes.loadBeside({ model, folder: await writeAdapter(model), engine, threads });
    expect(await programs()).toHaveLength(1);
    const answer = (await lanes.run(batch(), "sentence", 2)).data;
    await lanes.unload(1);
    await expect(lanes.run(batch(), "sentence", 1)).rejects.toThrow(/a run of model 1 \(whole\) before it was loaded/);
    expect((await lanes.run(batch(), "sentence", 2)).data).toEqual(answer);
    expect(await programs()).toHaveLength(1);
    await lanes.unload(2);
    expect(await programs()).toEqual([]);
    await lanes.stop();
  });

  test("refuses an adapter that does not fit, and serves the base as before", async () => {
    const lanes = new StageLanes({ engine, threads });
    await lanes.load({ folder: base, engine, threads });
    const before = (await lanes.run(batch(), "sentence")).data;
    const folder = await writeAdapter(1);
    await writeFile(
      join(folder, "adapter_config.json"),
      JSON.stringify({ peft_type: "IA3", base_model_name_or_path: base }),
    );
    await expect(lanes.loadBeside({ model: 1, folder, engine, threads })).rejects.toThrow(/expected peft_type "LORA"/);
    expect((await lanes.run(batch(), "sentence")).data).toEqual(before);
    expect(await programs()).toEqual([]);
    await lanes.stop();
  });
});
