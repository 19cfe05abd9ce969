/**
 * @file A trained model as a Hugging Face folder: what transformers' `save_pretrained` writes, from the files of a checkpoint.
 *
 * Everything that the base model's folder has besides its weights comes along: tokenizer, and the modules of
 * sentence-transformers (pooling), with which the encoder gives vectors as before. Adapters are merged into the weights that they are
 * beside; by themselves they are in a folder of peft's layout in the model's. Where they are not to be merged, the model's folder is
 * that folder: it has no weights of the base, and says where those are.
 */
import {
  checkpointNameOf,
  loraNames,
  mergeLora,
  readEncoderModel,
  readTask,
  sentenceLimitFiles,
  sentenceModuleFiles,
  taskConfigFields,
  taskParameters,
  trainedModules,
  type ReadJson,
  type TaskModel,
  type WeightSource,
} from "@stagecoach/transformer";
import {
  ADAPTER_BASE,
  ADAPTER_CONFIG,
  ADAPTER_WEIGHTS,
  jsonReader,
  openSafetensors,
  writeSafetensors,
  type AdapterBase,
  type TensorToWrite,
} from "@stagecoach/transformer/node";
import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Checkpoint } from "../loop/checkpointStore.ts";
import { TrainingError } from "../loop/trainingError.ts";
import { ADAPTER_FOLDER, adapterConfig, adapterTensors, readAdapterConfig } from "./adapterFiles.ts";
import { BASIS_FILE } from "./basisFile.ts";
import { copyDurably, diskError, publishFolder, writeDurably } from "./durableFiles.ts";

export type ModelFilesOptions = {
  readonly model: TaskModel;
  /** Folder of the model that training began with. */
  readonly base: string;
  /** What it is called. */
  readonly baseName: string;
  /** Names of the classes; none for tasks without. */
  readonly labels: readonly string[];
  /** What else comes along with the weights, by file name. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
  /** Keep adapters beside this base instead of merging them. */
  readonly unmergedFrom?: AdapterBase | undefined;
};

export type ExportModelOptions = ModelFilesOptions & {
  readonly checkpoint: Pick<Checkpoint, "folder" | "files">;
  /** What else goes into the folder: README.md, the curve. */
  readonly texts: Readonly<Record<string, string>>;
};

const WEIGHTS = "model.safetensors";
const TOKENIZER_CONFIG = "tokenizer_config.json";

/** Of the base model's folder; those that are there. */
const copiedFiles = [
  "tokenizer.json",
  TOKENIZER_CONFIG,
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.txt",
  "vocab.json",
  "merges.txt",
  "sentencepiece.bpe.model",
  ...sentenceLimitFiles,
  "config_sentence_transformers.json",
  BASIS_FILE,
];

/** Folders of modules are beside config.json; the transformer itself has the path "". */
const plainName = /^\w[\w.-]*$/;

/**
 * @param output - the folder; it appears at once, and replaces one of that name
 * @throws TrainingError `disk_full`, `checkpoint_unusable`
 */
export async function exportModel(output: string, options: ExportModelOptions): Promise<void> {
  await publish(output, async (temporary) => {
    await writeModelFiles(temporary, options);
    await writeWeights(temporary, { ...options, isMerged: options.unmergedFrom === undefined });
    for (const [name, text] of Object.entries(options.texts)) await writeDurably(join(temporary, name), text);
  });
}

/**
 * All that a model's folder has besides weights and texts, kept while training goes on: with it any checkpoint becomes a model, also
 * when the base is not there any more.
 *
 * @throws TrainingError `disk_full`
 */
export async function exportModelFiles(output: string, options: ModelFilesOptions): Promise<void> {
  await publish(output, (temporary) => writeModelFiles(temporary, options));
}

/**
 * A checkpoint as a Hugging Face folder.
 *
 * @param from.files - what exportModelFiles has written
 * @throws TrainingError `disk_full`, `checkpoint_unusable`; what `node:fs` throws when the checkpoint is removed meanwhile
 */
export async function exportCheckpoint(
  output: string,
  from: { readonly files: string; readonly checkpoint: Pick<Checkpoint, "folder" | "files"> },
): Promise<void> {
  const json = jsonReader(from.files);
  const isMerged = (await json(ADAPTER_BASE)) === undefined;
  const model = await readTaskModel(from.files, json, adapterFolder("", isMerged));
  await publish(output, async (temporary) => {
    await copyDurably(from.files, temporary);
    await writeWeights(temporary, { checkpoint: from.checkpoint, model, isMerged });
  });
}

/** The model that these files describe; with modules and without a head it is one of sentence vectors. @throws TrainingError */
async function readTaskModel(folder: string, json: ReadJson, adapterPath: string): Promise<TaskModel> {
  const encoder = await readEncoderModel(json);
  const adapter = await json(join(adapterPath, ADAPTER_CONFIG));
  const lora = adapter === undefined ? undefined : readAdapterConfig(adapter);
  const task = readTask(await json("config.json"));
  if (task !== null) return { ...encoder, task, lora };
  if (encoder.modules.isDeclared)
    return { ...encoder, lora, task: { name: "sentence-embedding", loss: { name: "cosine-similarity" }, numTexts: 2 } };
  throw new TrainingError("checkpoint_unusable", `${folder}: expected a config.json with a task, got none`);
}

/** Where in a model's folder its adapter is. */
function adapterFolder(folder: string, isMerged: boolean): string {
  return isMerged ? join(folder, ADAPTER_FOLDER) : folder;
}

/** A folder appears as a whole, or not at all. */
async function publish(output: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${output}.tmp`;
  try {
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary, { recursive: true });
    await fill(temporary);
    await publishFolder(temporary, output);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw diskError(error, `model in ${output}`);
  }
}

async function writeModelFiles(folder: string, options: ModelFilesOptions): Promise<void> {
  await copyBase(options.base, folder);
  await writeDurably(join(folder, "config.json"), await configOf(options));
  for (const [path, json] of Object.entries(moduleFilesOf(options.model))) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeDurably(join(folder, path), `${JSON.stringify(json, null, 2)}\n`);
  }
  for (const [name, content] of Object.entries(options.files ?? {})) await writeDurably(join(folder, name), content);
  const { model, baseName, unmergedFrom } = options;
  if (model.lora !== undefined) {
    const config = adapterConfig(model, model.lora, baseName);
    const target = adapterFolder(folder, unmergedFrom === undefined);
    await mkdir(target, { recursive: true });
    await writeDurably(join(target, ADAPTER_CONFIG), `${JSON.stringify(config, null, 2)}\n`);
  }
  if (unmergedFrom !== undefined)
    await writeDurably(join(folder, ADAPTER_BASE), `${JSON.stringify(unmergedFrom, null, 2)}\n`);
  const tokenizer = await tokenizerConfigOf(options);
  if (tokenizer !== null) await writeDurably(join(folder, TOKENIZER_CONFIG), tokenizer);
}

/** How vectors are made, for a model of sentence vectors whose base does not say it: those of others came along with the base. */
function moduleFilesOf(model: TaskModel): Readonly<Record<string, unknown>> {
  const { task, modules, config } = model;
  if (task.name !== "sentence-embedding" || modules.isDeclared) return {};
  return sentenceModuleFiles(trainedModules(model, task), config);
}

async function configOf({ base, model, labels }: ModelFilesOptions): Promise<string> {
  const config = (await jsonReader(base)("config.json")) as object;
  const fields = taskConfigFields(model, labels.length === 0 ? undefined : labels);
  return `${JSON.stringify({ ...config, ...fields, torch_dtype: undefined, dtype: "float32" }, null, 2)}\n`;
}

/**
 * A model that tells the two texts of a pair apart by their types was trained so. transformers 5 gives it the types only if the
 * tokenizer's class is BERT's, or if they are named here.
 *
 * @returns null where the base model has no such file, or the model no types
 */
async function tokenizerConfigOf({ base, model }: ModelFilesOptions): Promise<string | null> {
  const config = (await jsonReader(base)(TOKENIZER_CONFIG)) as object | undefined;
  if (config === undefined || model.config.typeVocabSize < 2) return null;
  const fields = { model_input_names: ["input_ids", "token_type_ids", "attention_mask"] };
  return `${JSON.stringify({ ...config, ...fields }, null, 2)}\n`;
}

async function copyBase(base: string, folder: string): Promise<void> {
  const modules = (await jsonReader(base)("modules.json")) as readonly { readonly path?: unknown }[] | undefined;
  const paths = (modules ?? []).flatMap(({ path }) => (typeof path === "string" && plainName.test(path) ? [path] : []));
  const names = [...copiedFiles, ...(modules === undefined ? [] : ["modules.json"]), ...paths];
  for (const name of names) {
    if (existsSync(join(base, name))) await copyDurably(join(base, name), join(folder, name));
  }
}

/** Weights of a checkpoint as transformers names them, and its adapters as peft does. */
async function writeWeights(
  folder: string,
  { checkpoint, model, isMerged }: Pick<ExportModelOptions, "checkpoint" | "model"> & { readonly isMerged: boolean },
): Promise<void> {
  const sources: WeightSource[] = [];
  try {
    for (const file of checkpoint.files) sources.push(await openSafetensors(join(checkpoint.folder, file)));
    const read = (name: string): Promise<Float32Array> => {
      const source = sources.find((each) => each.has(name));
      if (source !== undefined) return source.readFloat32(name);
      const message = `${checkpoint.folder}: expected the weight "${name}", got none (is the checkpoint complete?)`;
      throw new TrainingError("checkpoint_unusable", message);
    };
    if (isMerged) await writeSafetensors(join(folder, WEIGHTS), wholeWeights(model, read));
    if (model.lora === undefined) return;
    const adapter = adapterTensors(model, model.lora).map(({ name, shape, stored }): [string, TensorToWrite] => [
      stored,
      { dtype: "F32", shape, data: () => read(name) },
    ]);
    await writeSafetensors(join(adapterFolder(folder, isMerged), ADAPTER_WEIGHTS), new Map(adapter));
  } finally {
    await Promise.all(sources.map((source) => source.close()));
  }
}

/** What the model consists of when its adapters are merged. */
function wholeWeights(
  model: TaskModel,
  read: (name: string) => Promise<Float32Array>,
): ReadonlyMap<string, TensorToWrite> {
  const { lora } = model;
  const adapted = new Map(lora?.modules.map((module) => [`${module}.weight`, loraNames(module)]));
  const own = taskParameters(model).filter(
    ({ tiedTo, isAdapter, isAuxiliary }) => tiedTo === undefined && !isAdapter && !isAuxiliary,
  );
  return new Map(
    own.map(({ name, shape }) => {
      const adapter = adapted.get(name);
      const data = async () => {
        const weight = await read(name);
        if (adapter !== undefined) mergeLora(weight, { a: await read(adapter.a), b: await read(adapter.b) }, lora!);
        return weight;
      };
      return [checkpointNameOf(model, name), { dtype: "F32", shape, data }];
    }),
  );
}
