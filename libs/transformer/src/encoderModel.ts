/**
 * @file An encoder as its folder describes it: what a plan, a graph and a tokenizer need to know, without any weight.
 *
 * Plain data but for `family`, which the config names; so a gateway and a worker on another machine agree by reading the
 * same folder.
 */
import type { EncoderConfig } from "./config.ts";
import type { Family } from "./families/family.ts";
import { readEncoderConfig } from "./families/registry.ts";
import { ModelConfigError } from "./errors.ts";
import type { LoraOptions } from "./lora.ts";
import type { PoolingMode } from "./pooling.ts";
import { readSentenceModules, type ReadJson, type SentenceModules } from "./sentenceModules.ts";

export type EncoderModel = {
  readonly family: Family;
  readonly config: EncoderConfig;
  readonly modules: SentenceModules;
  /** Adapters beside the layers, in training. */
  readonly lora?: LoraOptions | undefined;
};

export type ModelFolderOptions = { readonly pooling?: PoolingMode | undefined };

/**
 * Read a model's description.
 *
 * @param readJson - reads a JSON file of the model's folder, `undefined` when it does not exist
 * @param options.pooling - takes the place of the pooling that the folder declares
 * @throws ModelConfigError, UnsupportedModelError
 */
export async function readEncoderModel(
  readJson: ReadJson,
  { pooling }: ModelFolderOptions = {},
): Promise<EncoderModel> {
  const json = await readJson("config.json");
  if (json === undefined) {
    throw new ModelConfigError(
      "config.json: expected it in the model's folder, found none (is this a Hugging Face model folder?)",
    );
  }
  const { family, config } = readEncoderConfig(json);
  return { family, config, modules: await readSentenceModules(readJson, config, pooling) };
}
