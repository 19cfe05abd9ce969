import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stagesFingerprint } from "./modelFingerprint.ts";
import { openModelFolder } from "./openModelFolder.ts";
import { openSafetensors } from "./openSafetensors.ts";
import { writeSafetensors, type TensorToWrite } from "./writeSafetensors.ts";

const fixtures = join(import.meta.dirname, "../../../../test/fixtures");
let parent: string;
let base: string;
let folder: string;

/** peft's adapter of the fixture, beside a copy of its base; our own file says where that is. */
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "openAdapter-"));
  base = join(parent, "base");
  folder = join(parent, "adapter");
  await cp(join(fixtures, "tasks/bert-class-weights"), base, { recursive: true });
  await cp(join(fixtures, "lora/trained"), folder, { recursive: true });
  await cp(join(base, "config.json"), join(folder, "config.json"));
  await writeBase({ reference: base, revision: null, fingerprint: await stagesFingerprint(base) });
});
afterEach(() => rm(parent, { recursive: true, force: true }));

const writeBase = (json: object) => writeFile(join(folder, "adapter_base.json"), JSON.stringify(json));

async function changeConfig(fields: object): Promise<void> {
  const path = join(folder, "adapter_config.json");
  await writeFile(path, JSON.stringify({ ...(JSON.parse(await readFile(path, "utf8")) as object), ...fields }));
}

async function openAndClose(): Promise<void> {
  await (await openModelFolder(folder)).close();
}

describe("openModelFolder() of an adapter", () => {
  test("has the adapters that peft has saved, and its base's weights", async () => {
    await using opened = await openModelFolder(folder);
    const { rank, alpha, modules, saved } = opened.model.lora!;
    expect([rank, alpha, saved]).toEqual([2, 6, ["classifier"]]);
    // Of two layers: query, value, and both layers called output.dense.
    expect(modules).toHaveLength(8);
    expect(opened.adapter!.names.size).toBe(8 * 2 + 2);
    expect(opened.task).toMatchObject({ name: "sequence-classification", numLabels: 3 });
    expect(opened.weights.encoder.entry("bert.embeddings.word_embeddings.weight").location!.file).toContain(base);
  });

  test("refuses a base whose weights are others than those that it was trained on", async () => {
    const path = join(base, "model.safetensors");
    const bytes = await readFile(path);
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(path, bytes);
    await expect(openAndClose()).rejects.toMatchObject({
      code: "invalid_adapter",
      message: expect.stringMatching(
        /expected the base model that the adapter was trained on, got another one in .*train the adapter again/,
      ),
    });
  });

  test("refuses an adapter whose base is gone, with where it was", async () => {
    await rm(base, { recursive: true });
    await expect(openAndClose()).rejects.toMatchObject({
      code: "invalid_adapter",
      message: expect.stringContaining(`expected the adapter's base model ${base}, got none: ${base}`),
    });
  });

  test("refuses adapters of what is no layer of the encoder, which it would not read", async () => {
    const path = join(folder, "adapter_model.safetensors");
    const tensors = new Map<string, TensorToWrite>();
    {
      await using file = await openSafetensors(path);
      for (const name of file.names())
        tensors.set(name, { dtype: "F32", shape: file.entry(name).shape, data: await file.readFloat32(name) });
    }
    const name = "base_model.model.bert.pooler.dense.lora_A.weight";
    tensors.set(name, { dtype: "F32", shape: [2, 8], data: new Float32Array(16) });
    await writeSafetensors(path, tensors);
    await expect(openAndClose()).rejects.toThrow(`expected adapters of the encoder's linear layers alone, got ${name}`);
  });

  test("refuses a base that is an adapter itself", async () => {
    await writeBase({ reference: folder, revision: null, fingerprint: null });
    await expect(openAndClose()).rejects.toThrow(/expected a whole model as the adapter's base, got the adapter/);
  });

  test("finds the base by what peft says where there is no file of ours", async () => {
    await rm(join(folder, "adapter_base.json"));
    await changeConfig({ base_model_name_or_path: base });
    await openAndClose();
    await changeConfig({ base_model_name_or_path: "" });
    await expect(openAndClose()).rejects.toThrow(/expected the adapter's base in base_model_name_or_path, got none/);
  });

  test.each([
    [{ use_dora: true }, /expected use_dora false, got true/],
    [{ peft_type: "IA3" }, /expected peft_type "LORA", got "IA3"/],
    [{ bias: "all" }, /expected bias "none", got "all"/],
    [{ rank_pattern: { query: 4 } }, /expected one rank and alpha for all layers, got a rank_pattern/],
    [{ r: 4 }, /has weights of another shape than config.json says/],
  ])("refuses what it does not compute: %j", async (fields, message) => {
    await changeConfig(fields);
    await expect(openAndClose()).rejects.toThrow(message);
  });

  test("refuses a head that no config gives a task", async () => {
    const path = join(folder, "config.json");
    const config = JSON.parse(await readFile(path, "utf8")) as object;
    await writeFile(path, JSON.stringify({ ...config, architectures: ["BertModel"], id2label: undefined }));
    await expect(openAndClose()).rejects.toThrow(
      /expected a config.json with the task that classifier belongs to, got none/,
    );
  });

  test("scales by the root of the rank where peft does", async () => {
    await changeConfig({ use_rslora: true });
    await using opened = await openModelFolder(folder);
    const { rank, alpha } = opened.model.lora!;
    expect(alpha / rank).toBeCloseTo(6 / Math.sqrt(2), 12);
  });
});
