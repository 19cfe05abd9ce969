/** @file A model's folder on disk, opened: its description and its checkpoints, of which only headers are read. */
import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { besideBase, mergedWeights, readAdapterWeights } from "../adapterWeights.ts";
import { checkpointEntries } from "../checkpointNames.ts";
import { readEncoderModel, type EncoderModel, type ModelFolderOptions } from "../encoderModel.ts";
import { AdapterError } from "../errors.ts";
import type { WeightSource } from "../safetensors/index.ts";
import { servedTask } from "../tasks/servedTask.ts";
import type { Task } from "../tasks/task.ts";
import { expectAdapterBase, findAdapterBase } from "./adapterBase.ts";
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS, isAdapterFolder } from "./isAdapterFolder.ts";
import { jsonReader } from "./jsonReader.ts";
import { openSafetensors } from "./openSafetensors.ts";

export type ModelFolder = AsyncDisposable & {
  readonly folder: string;
  /** What the model gives besides vectors. */
  readonly task: Task | undefined;
  readonly model: EncoderModel;
  readonly weights: { readonly encoder: WeightSource; readonly modules: ReadonlyMap<string, WeightSource> };
  /** The folder of its base, and the weights that are not the base's; null for a model that is whole. */
  readonly adapter: { readonly base: string; readonly names: ReadonlySet<string> } | null;
  readonly close: () => Promise<void>;
};

export type OpenFolderOptions = ModelFolderOptions & {
  /**
   * Of an adapter's base: read all of its weights to see that they are those that it was trained on; true when left out. Else it is only
   * looked for, on this machine.
   */
  readonly verifyBase?: boolean;
};

/**
 * @param folder - of a model, or of an adapter: then the model has adapters beside its layers, and its base's weights
 * @throws ModelConfigError, UnsupportedModelError, SafetensorsError, AdapterError
 */
export async function openModelFolder(folder: string, options: OpenFolderOptions = {}): Promise<ModelFolder> {
  const own = await readEncoderModel(jsonReader(folder), options);
  // Closed by whoever has got the folder, or here when something is wrong with a later part of it.
  await using opened = new AsyncDisposableStack();
  const adapter = (await isAdapterFolder(folder)) ? await openAdapter(folder, own, options) : null;
  const encoder = opened.use(adapter?.weights ?? (await openSafetensors(folder)));
  const model: EncoderModel = adapter === null ? own : { ...own, lora: adapter.lora };
  const modules = new Map<string, WeightSource>();
  for (const transform of model.modules.transforms) {
    if (transform === "normalize") continue;
    modules.set(transform.path, opened.use(await openSafetensors(join(folder, transform.path))));
  }
  const task = servedTask(model, await jsonReader(folder)("config.json"), checkpointEntries(encoder));
  if (adapter !== null && adapter.lora.saved.length > 0 && task === undefined)
    throw new AdapterError(
      `${folder}: expected a config.json with the task that ${adapter.lora.saved.join(", ")} belongs to, got none (save the model's config beside the adapter: model.config.save_pretrained(folder))`,
    );
  const path = await realpath(folder);
  const kept = opened.move();
  const close = () => kept.disposeAsync();
  return {
    folder: path,
    model,
    task,
    weights: { encoder, modules },
    adapter: adapter === null ? null : { base: adapter.base, names: adapter.names },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/**
 * The weights of a whole model: of an adapter's folder those of its base, with the adapter in them.
 * @throws SafetensorsError, AdapterError
 */
export async function openWholeWeights(folder: string): Promise<WeightSource> {
  if (!(await isAdapterFolder(folder))) return openSafetensors(folder);
  const model = await readEncoderModel(jsonReader(folder));
  const { lora, weights } = await openAdapter(folder, model, {});
  return mergedWeights(model, weights, lora);
}

async function openAdapter(folder: string, model: EncoderModel, { verifyBase = true }: OpenFolderOptions) {
  const base = verifyBase ? await expectAdapterBase(folder) : await findAdapterBase(folder, { offline: true });
  await using opened = new AsyncDisposableStack();
  const ofBase = opened.use(await openSafetensors(base));
  const file = opened.use(await openSafetensors(join(folder, ADAPTER_WEIGHTS)));
  const { lora, stored } = readAdapterWeights(model, await jsonReader(folder)(ADAPTER_CONFIG), file);
  opened.move();
  const weights = besideBase(ofBase, file, { stored, prefix: model.family.prefix });
  return { base: await realpath(base), lora, weights, names: new Set(stored.keys()) };
}
