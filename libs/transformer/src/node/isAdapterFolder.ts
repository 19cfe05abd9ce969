/** @file Folders of adapters: peft's layout. */
import { join } from "node:path";
import { isFile } from "./isFile.ts";
import { indexFileName, singleFileName } from "./openSafetensors.ts";

export const ADAPTER_CONFIG = "adapter_config.json";
export const ADAPTER_WEIGHTS = "adapter_model.safetensors";

/** Whether a folder has an adapter and no weights of a whole model. */
export async function isAdapterFolder(folder: string): Promise<boolean> {
  const [config, weights, single, index] = await Promise.all(
    [ADAPTER_CONFIG, ADAPTER_WEIGHTS, singleFileName, indexFileName].map((name) => isFile(join(folder, name))),
  );
  return config === true && weights === true && single === false && index === false;
}
