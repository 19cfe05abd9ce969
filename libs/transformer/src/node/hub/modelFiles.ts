/**
 * @file Which files of a repository make a model for us.
 *
 * An allow list: configuration, tokenizer, safetensors weights, and the modules of sentence-transformers. Never `.bin`,
 * `.h5`, `.onnx` or `.msgpack`: a repository may hold the same weights in five formats. `sentencepiece.bpe.model` is
 * left out, since `tokenizer.json` holds the same vocabulary.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isFile } from "../isFile.ts";
import { isAdapterFolder } from "../isAdapterFolder.ts";
import { indexFileName, singleFileName } from "../openSafetensors.ts";
import { parseSafetensorsIndex } from "../parseSafetensorsIndex.ts";
import { HubError } from "./errors.ts";

const plainNames = new Set([
  "config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.txt",
  "vocab.json",
  "merges.txt",
  "modules.json",
  "config_sentence_transformers.json",
  // What a student keeps of its teacher (libs/training, node/basisFile.ts).
  "teacher_basis.safetensors",
]);
/** `sentence_bert_config.json` and its siblings of other architectures (sentence-transformers' Transformer.py). */
const sentenceConfig = /^sentence_[a-z-]+_config\.json$/;
/** A module of sentence-transformers in a folder of its own: `1_Pooling/config.json`, `2_Dense/model.safetensors`. */
const moduleFile = /^\d+_\w+\/(?<name>[\w.-]+)$/;

export type ModelSelection = {
  /** Paths to fetch, without the shards. */
  readonly files: readonly string[];
  /** The index that names the shards, when the weights are sharded. */
  readonly index: string | undefined;
};

/**
 * Choose from the paths of a repository.
 *
 * @throws HubError `model_without_safetensors`, or `unsafe_file_name` when a path that looks like one of ours leaves
 * the folder
 */
export function selectModelFiles(paths: readonly string[], id: string): ModelSelection {
  for (const path of paths) checkPath(path, id);
  const hasSingle = paths.includes(singleFileName);
  const weights = hasSingle ? [singleFileName] : paths.filter((path) => path === indexFileName);
  const rest = paths.filter((path) => isAllowed(path));
  const hasWeights = weights.length > 0 || rest.some((path) => /^0_.*\.safetensors$/.test(path));
  if (!hasWeights) throw withoutSafetensors(paths, id);
  return { files: [...rest, ...weights], index: hasSingle ? undefined : weights[0] };
}

/** Shards that an index names; each must be in the repository. */
export function selectShards(indexText: string, paths: readonly string[], id: string): readonly string[] {
  const shards = [...new Set(parseSafetensorsIndex(indexText, `${id}/${indexFileName}`).values())];
  const missing = shards.find((shard) => !paths.includes(shard));
  if (missing === undefined) return shards;
  throw new HubError({
    code: "unexpected_response",
    message:
      `${id}: expected the shard ${missing} that ${indexFileName} names, got a repository without it ` +
      `(report it to the model's authors)`,
  });
}

/**
 * What a folder lacks to be a model.
 *
 * @param options - `tokenizer`: whether one is needed
 * @returns descriptions such as `tokenizer.json or vocab.txt`; empty when nothing is missing
 */
export async function missingModelFiles(
  folder: string,
  wanted: { readonly tokenizer: boolean; readonly weights: boolean },
): Promise<readonly string[]> {
  const has = (path: string) => isFile(join(folder, path));
  const modules = await readModules(folder);
  // Old sentence-transformers folders keep the transformer in a folder of its own.
  const base = modules.find(({ path }) => /^0_\w+$/.test(path))?.path ?? "";
  const missing: string[] = [];
  if (!(await has(join(base, "config.json")))) missing.push(join(base, "config.json"));
  if (wanted.weights) missing.push(...(await missingWeights(folder, base)));
  const tokenizers = ["tokenizer.json", "vocab.txt", "vocab.json"].map((name) => has(join(base, name)));
  if (wanted.tokenizer && !(await Promise.all(tokenizers)).includes(true)) missing.push("tokenizer.json or vocab.txt");
  for (const { path, type } of modules) {
    const needsConfig = path !== "" && path !== base && !type.endsWith("Normalize");
    if (needsConfig && !(await has(join(path, "config.json")))) missing.push(`${path}/config.json`);
  }
  return missing;
}

async function missingWeights(folder: string, base: string): Promise<readonly string[]> {
  if (await isFile(join(folder, base, singleFileName))) return [];
  if (base === "" && (await isAdapterFolder(folder))) return [];
  const index = join(folder, base, indexFileName);
  if (!(await isFile(index))) return [join(base, singleFileName)];
  const shards = new Set(parseSafetensorsIndex(await readFile(index, "utf8"), index).values());
  const isThere = await Promise.all([...shards].map((shard) => isFile(join(folder, base, shard))));
  return [...shards].filter((_, i) => !isThere[i]);
}

type Module = { readonly path: string; readonly type: string };

/** The entries of modules.json that can be read; what they mean is the transformer library's business. */
async function readModules(folder: string): Promise<readonly Module[]> {
  const path = join(folder, "modules.json");
  if (!(await isFile(path))) return [];
  let modules: unknown;
  try {
    modules = JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw new HubError(
      {
        code: "model_folder_invalid",
        message: `${path}: expected a JSON list of modules, got something else (write it again)`,
      },
      { cause: error },
    );
  }
  if (!Array.isArray(modules)) return [];
  return modules.flatMap((item: unknown) => {
    const { path: modulePath, type } = (item ?? {}) as Partial<Record<string, unknown>>;
    return typeof modulePath === "string" && typeof type === "string" ? [{ path: modulePath, type }] : [];
  });
}

function isAllowed(path: string): boolean {
  if (plainNames.has(path) || sentenceConfig.test(path)) return true;
  const name = moduleFile.exec(path)?.groups?.["name"];
  return name !== undefined && (plainNames.has(name) || sentenceConfig.test(name) || name.endsWith(".safetensors"));
}

/** A path that ends like one of our files must stay in the repository's folder, on every platform. */
function checkPath(path: string, id: string): void {
  const segments = path.split(/[\\/]/);
  const name = segments.at(-1) ?? "";
  if (!isAllowed(name) && !name.endsWith(".safetensors") && name !== indexFileName) return;
  const isSafe = !/[\\:\p{Cc}]/u.test(path) && segments.every((segment) => segment !== "" && !/^\.\.?$/.test(segment));
  if (isSafe) return;
  throw new HubError({
    code: "unsafe_file_name",
    message:
      `${id}: expected file names within the repository, got ${JSON.stringify(path.slice(0, 200))} ` +
      `(do not use this repository)`,
  });
}

function withoutSafetensors(paths: readonly string[], id: string): HubError {
  const others = paths.filter((path) => /\.(bin|h5|msgpack|onnx|ckpt|pt|pth)$/.test(path)).slice(0, 5);
  return new HubError({
    code: "model_without_safetensors",
    message:
      `${id}: expected ${singleFileName} or ${indexFileName}, got ${others.length > 0 ? others.join(", ") : "no weights"}. ` +
      `Convert it once in Python: AutoModel.from_pretrained("${id}").save_pretrained("folder", safe_serialization=True), ` +
      `the tokenizer likewise, and give the folder; or ask for a revision with a converted copy, often a pull request: refs/pr/1`,
  });
}
