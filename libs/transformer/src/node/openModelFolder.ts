/** @file A model's folder on disk, opened: its description and its checkpoints, of which only headers are read. */
import { readFile, realpath } from "node:fs/promises";
import { join } from "node:path";
import { checkpointEntries } from "../checkpointNames.ts";
import { readEncoderModel, type EncoderModel, type ModelFolderOptions } from "../encoderModel.ts";
import { ModelConfigError } from "../errors.ts";
import type { WeightSource } from "../safetensors/index.ts";
import type { ReadJson } from "../sentenceModules.ts";
import { servedTask } from "../tasks/servedTask.ts";
import type { Task } from "../tasks/task.ts";
import { isSystemError } from "./isSystemError.ts";
import { openSafetensors } from "./openSafetensors.ts";

export type ModelFolder = AsyncDisposable & {
  readonly folder: string;
  /** What the model gives besides vectors. */
  readonly task: Task | undefined;
  readonly model: EncoderModel;
  readonly weights: { readonly encoder: WeightSource; readonly modules: ReadonlyMap<string, WeightSource> };
  readonly close: () => Promise<void>;
};

/**
 * @throws ModelConfigError, UnsupportedModelError, SafetensorsError
 */
export async function openModelFolder(folder: string, options?: ModelFolderOptions): Promise<ModelFolder> {
  const model = await readEncoderModel(jsonReader(folder), options);
  // Closed by whoever has got the folder, or here when something is wrong with a later part of it.
  await using opened = new AsyncDisposableStack();
  const encoder = opened.use(await openSafetensors(folder));
  const modules = new Map<string, WeightSource>();
  for (const transform of model.modules.transforms) {
    if (transform === "normalize") continue;
    modules.set(transform.path, opened.use(await openSafetensors(join(folder, transform.path))));
  }
  const task = servedTask(model, await jsonReader(folder)("config.json"), checkpointEntries(encoder));
  const path = await realpath(folder);
  const kept = opened.move();
  const close = () => kept.disposeAsync();
  return {
    folder: path,
    model,
    task,
    weights: { encoder, modules },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Reads JSON files below a folder; a file that does not exist is `undefined`. */
export function jsonReader(folder: string): ReadJson {
  return async (path) => {
    let text: string;
    try {
      text = await readFile(join(folder, path), "utf8");
    } catch (error) {
      if (isSystemError(error) && error.code === "ENOENT") return undefined;
      throw error;
    }
    try {
      return JSON.parse(text) as unknown;
    } catch (cause) {
      throw new ModelConfigError(
        `${join(folder, path)}: expected JSON (${cause instanceof Error ? cause.message : String(cause)})`,
        { cause },
      );
    }
  };
}
