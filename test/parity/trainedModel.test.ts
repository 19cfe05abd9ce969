/** @file What is written as a model is what was trained: our loader reads the checkpoint's own bytes from the exported folder. */
import { exportCheckpoint } from "@stagecoach/training/node";
import {
  checkpointNameOf,
  graphParameters,
  readEncoderModel,
  readTask,
  taskParameters,
  type TaskModel,
} from "@stagecoach/transformer";
import { jsonReader, openModelFolder, openSafetensors } from "@stagecoach/transformer/node";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { copyModel } from "../harness/modelFolders.ts";
import { tinyEncoder } from "../harness/paths.ts";
import { toyNames, toys } from "../harness/toyTasks.ts";
import { serveHead, trainTinyModel, trainTinySentences } from "../harness/trainedModel.ts";

const scratch = mkdtempSync(join(tmpdir(), "stagecoach-exported-"));
/** What training from scratch leaves: an encoder of which no file says how its vectors are made. */
const bare = copyModel((folder) => {
  for (const name of ["modules.json", "1_Pooling", "sentence_bert_config.json"])
    rmSync(join(folder, name), { recursive: true });
});
afterAll(() => {
  bare[Symbol.dispose]();
  rmSync(scratch, { recursive: true, force: true });
});

describe("a trained model's folder", () => {
  test.each(toyNames)(
    "%s: has the bytes of the last checkpoint under transformers' names, and loads with nothing missing",
    async (toy) => {
      const folder = join(scratch, toy);
      const exported = await trainTinyModel(folder, toy);
      await using opened = await openModelFolder(exported);
      const model: TaskModel = { ...opened.model, task: readTask(await jsonReader(exported)("config.json"))! };
      expect(model.task.name).toBe(toys[toy].task);
      const last = join(folder, "checkpoints", "step-3");
      const trained = new Map<string, Uint8Array>();
      for (const file of readdirSync(last).filter((name) => name.endsWith(".safetensors"))) {
        await using source = await openSafetensors(join(last, file));
        for (const name of source.names()) trained.set(name, await source.readBytes(name));
      }
      const { encoder } = opened.weights;
      const names = taskParameters(model).flatMap(({ name, tiedTo }) => (tiedTo === undefined ? [name] : []));
      expect(encoder.names().toSorted()).toEqual(names.map((name) => checkpointNameOf(model, name)).toSorted());
      for (const name of names)
        expect(await encoder.readBytes(checkpointNameOf(model, name)), name).toEqual(trained.get(name));
      const [served] = await serveHead(exported, ["the layers"]);
      const logits = Object.values(served!.outputs).flat();
      expect(logits.length).toBeGreaterThan(0);
      expect(logits.every(Number.isFinite)).toBe(true);
    },
  );

  test.each([
    ["with modules", tinyEncoder],
    ["without", bare.folder],
  ])(
    "sentence-embedding of a base %s: has the bytes of the last checkpoint, and says how vectors are made",
    async (kind, base) => {
      const folder = join(scratch, kind);
      const exported = await trainTinySentences(folder, base);
      await using opened = await openModelFolder(exported);
      const { model, weights } = opened;
      const { pooling, transforms, maxLength } = (await readEncoderModel(jsonReader(base))).modules;
      expect(model.modules).toMatchObject({ isDeclared: true, pooling, transforms, maxLength });
      const trained = new Map<string, Uint8Array>();
      const last = join(folder, "checkpoints", "step-3");
      for (const file of readdirSync(last).filter((name) => name.endsWith(".safetensors"))) {
        await using source = await openSafetensors(join(last, file));
        for (const name of source.names()) trained.set(name, await source.readBytes(name));
      }
      const names = graphParameters(model).map(({ name }) => name);
      expect(weights.encoder.names().toSorted()).toEqual(names.toSorted());
      for (const name of names) expect(await weights.encoder.readBytes(name), name).toEqual(trained.get(name));
      expect(await jsonReader(exported)("config.json")).toMatchObject({ architectures: ["BertModel"] });
      const checkpoint = { folder: last, files: readdirSync(last).filter((name) => name.endsWith(".safetensors")) };
      await exportCheckpoint(join(scratch, `${kind}-step`), { files: join(folder, "model-files"), checkpoint });
      expect(readFileSync(join(scratch, `${kind}-step`, "model.safetensors"))).toEqual(
        readFileSync(join(exported, "model.safetensors")),
      );
    },
  );

  test("with adapters: its last checkpoint becomes the same model and the same adapter", async () => {
    const folder = join(scratch, "adapted");
    const exported = await trainTinyModel(folder, "token-classification", { hyperparameters: { lora_rank: 2 } });
    const last = join(folder, "checkpoints", "step-3");
    const checkpoint = { folder: last, files: readdirSync(last).filter((name) => name.endsWith(".safetensors")) };
    const output = join(scratch, "adapted-step");
    await exportCheckpoint(output, { files: join(folder, "model-files"), checkpoint });
    for (const file of ["model.safetensors", "adapter/adapter_model.safetensors", "adapter/adapter_config.json"])
      expect(readFileSync(join(output, file)), file).toEqual(readFileSync(join(exported, file)));
    await using before = await openSafetensors(tinyEncoder);
    await using after = await openSafetensors(exported);
    const name = "encoder.layer.0.attention.self.query.weight";
    expect(await after.readBytes(`bert.${name}`)).not.toEqual(await before.readBytes(name));
  });

  test("says that texts have types, which transformers gives to models of a BERT's tokenizer only", async () => {
    const exported = await trainTinyModel(join(scratch, "types"), "re-ranking");
    const config = await jsonReader(tinyEncoder)("tokenizer_config.json");
    expect(config).not.toHaveProperty("model_input_names");
    const named = { model_input_names: ["input_ids", "token_type_ids", "attention_mask"] };
    expect(await jsonReader(exported)("tokenizer_config.json")).toEqual({ ...(config as object), ...named });
  });
});
