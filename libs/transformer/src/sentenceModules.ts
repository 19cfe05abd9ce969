/**
 * @file What sentence-transformers puts around an encoder: pooling, dense layers, normalization, lengths and prompts.
 *
 * Reads `modules.json`, `<n>_Pooling/config.json`, `<n>_Dense/config.json`, `sentence_bert_config.json` (and its older names) and
 * `config_sentence_transformers.json`, in the form of sentence-transformers 2 to 6. A module that we do not know is refused.
 */
import { JsonFields, type EncoderConfig } from "./config.ts";
import { ModelConfigError, UnsupportedModelError } from "./errors.ts";
import { poolingModes, type PoolingMode } from "./pooling.ts";

/** Reads a JSON file of the model's folder; `undefined` when there is none. */
export type ReadJson = (path: string) => Promise<unknown>;

/** A linear layer after pooling. */
export type DenseModule = {
  /** Folder of its weights inside the model's folder, such as `2_Dense`. */
  readonly path: string;
  readonly inputSize: number;
  readonly outputSize: number;
  readonly hasBias: boolean;
  readonly activation: "identity" | "tanh";
};

export type SentenceModules = {
  readonly pooling: readonly PoolingMode[];
  /** Dense layers and unit length, in the order in which they are applied after pooling. */
  readonly transforms: readonly (DenseModule | "normalize")[];
  /** Size of the sentence vector. */
  readonly dimensions: number;
  /** Longest text in tokens, special tokens included. */
  readonly maxLength: number;
  /** sentence-transformers lower-cases the text itself before the tokenizer sees it. */
  readonly lowerCase: boolean;
  readonly prompts: Readonly<Record<string, string>>;
  readonly defaultPromptName: string | null;
  /** Whether the files say all this, or whether it is what sentence-transformers assumes for a bare encoder. */
  readonly isDeclared: boolean;
};

type ModuleEntry = { readonly kind: string; readonly path: string };

/** @param chosen - pooling that takes the place of the folder's @throws ModelConfigError, UnsupportedModelError */
export async function readSentenceModules(
  readJson: ReadJson,
  config: EncoderConfig,
  chosen?: PoolingMode,
): Promise<SentenceModules> {
  const entries = readModuleList(await readJson("modules.json"));
  const limits = await readLimits(readJson, config);
  const prompts = await readPrompts(readJson);
  if (entries === null) {
    const { hiddenSize: dimensions } = config;
    return { pooling: [chosen ?? "mean"], transforms: [], dimensions, ...limits, ...prompts, isDeclared: false };
  }
  const [first, second, ...rest] = entries;
  if (first?.kind !== "Transformer" || second?.kind !== "Pooling") {
    throw new UnsupportedModelError(
      `modules.json: expected a Transformer, then a Pooling module, got ${entries.map(({ kind }) => kind).join(", ") || "nothing"}`,
    );
  }
  if (first.path !== "") {
    throw new UnsupportedModelError(
      `modules.json: expected the Transformer in the model's own folder, got "${first.path}" (move its files one folder up, and make its "path" "")`,
    );
  }
  const declared = readPooling(`${second.path}/config.json`, await readJson(`${second.path}/config.json`), config);
  const pooling = chosen === undefined ? declared : [chosen];
  let dimensions = config.hiddenSize * pooling.length;
  const transforms: (DenseModule | "normalize")[] = [];
  for (const { kind, path } of rest) {
    if (kind === "Normalize") {
      expectSentenceVector(path, (await readJson(`${path}/config.json`)) ?? {});
      transforms.push("normalize");
    } else if (kind === "Dense") {
      const dense = readDense(path, await readJson(`${path}/config.json`), dimensions);
      transforms.push(dense);
      dimensions = dense.outputSize;
    } else if (kind !== "Dropout") {
      throw new UnsupportedModelError(
        `modules.json: expected modules Transformer, Pooling, Dense, Dropout, Normalize; got "${kind}"`,
      );
    }
  }
  return { pooling, transforms, dimensions, ...limits, ...prompts, isDeclared: true };
}

/** Module kinds and paths in order; the kind is the last part of the Python class name, which has moved between versions. */
function readModuleList(json: unknown): ModuleEntry[] | null {
  if (json === undefined) return null;
  if (!Array.isArray(json))
    throw new ModelConfigError(`modules.json: expected a list of modules, got ${JSON.stringify(json)}`);
  return json.map((entry, index) => {
    const fields = new JsonFields(`modules.json, entry ${index}`, entry);
    const path = fields.text("path");
    if (path.startsWith("/") || path.split(/[/\\]/).includes("..")) {
      throw new ModelConfigError(
        `modules.json, entry ${index}: "path": expected a folder inside the model's folder, got "${path}"`,
      );
    }
    return { kind: fields.text("type").split(".").at(-1) ?? "", path };
  });
}

/** Before sentence-transformers 6 each pooling had a flag; several are put one after another in this order. */
const legacyPoolingFlags: Readonly<Record<string, string>> = {
  pooling_mode_cls_token: "cls",
  pooling_mode_max_tokens: "max",
  pooling_mode_mean_tokens: "mean",
  pooling_mode_mean_sqrt_len_tokens: "mean_sqrt_len_tokens",
  pooling_mode_weightedmean_tokens: "weightedmean",
  pooling_mode_lasttoken: "lasttoken",
};

function readPooling(file: string, json: unknown, config: EncoderConfig): PoolingMode[] {
  const fields = new JsonFields(file, json);
  const declared = fields.get("pooling_mode");
  const flagged = Object.entries(legacyPoolingFlags).flatMap(([flag, mode]) =>
    fields.get(flag) === true ? [mode] : [],
  );
  const modes: unknown[] = declared === undefined ? flagged : Array.isArray(declared) ? declared : [declared];
  const size = fields.get("embedding_dimension") ?? fields.get("word_embedding_dimension") ?? config.hiddenSize;
  if (size !== config.hiddenSize) {
    throw new ModelConfigError(
      `${file}: pools vectors of size ${JSON.stringify(size)}, but the encoder gives ${config.hiddenSize}`,
    );
  }
  if (!fields.flag("include_prompt", true)) {
    throw new UnsupportedModelError(
      `${file}: "include_prompt": false (pooling without the prompt's tokens) is not implemented`,
    );
  }
  return (modes.length === 0 ? ["mean"] : modes).map((mode) => {
    const known = poolingModes.find((each) => each === mode);
    if (known === undefined) {
      throw new UnsupportedModelError(
        `${file}: expected pooling ${poolingModes.join(", ")}, got ${JSON.stringify(mode)}`,
      );
    }
    return known;
  });
}

function readDense(path: string, json: unknown, inputSize: number): DenseModule {
  const file = `${path}/config.json`;
  const fields = new JsonFields(file, json);
  expectSentenceVector(path, json);
  if (fields.flag("use_residual", false)) {
    throw new UnsupportedModelError(`${file}: "use_residual": true (the input added to the output) is not implemented`);
  }
  if (fields.count("in_features") !== inputSize) {
    throw new ModelConfigError(
      `${file}: "in_features": expected ${inputSize}, the size before it, got ${fields.count("in_features")}`,
    );
  }
  const activation = fields.text("activation_function", "torch.nn.modules.activation.Tanh").split(".").at(-1);
  if (activation !== "Tanh" && activation !== "Identity") {
    throw new UnsupportedModelError(`${file}: "activation_function": expected Tanh or Identity, got "${activation}"`);
  }
  return {
    path,
    inputSize,
    outputSize: fields.count("out_features"),
    hasBias: fields.flag("bias", true),
    activation: activation === "Tanh" ? "tanh" : "identity",
  };
}

/** Modules after pooling may work on tokens instead, in models that compare texts token by token. */
function expectSentenceVector(path: string, json: unknown): void {
  const fields = new JsonFields(`${path}/config.json`, json);
  for (const field of ["module_input_name", "module_output_name"]) {
    if (fields.text(field, "sentence_embedding") === "sentence_embedding") continue;
    throw new UnsupportedModelError(
      `${path}/config.json: "${field}": expected "sentence_embedding", got "${fields.text(field)}"`,
    );
  }
}

/** sentence-transformers has named this file after the model class; it takes the first that exists. */
export const sentenceLimitFiles = ["bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet"].map(
  (name) => `sentence_${name}_config.json`,
);

async function readLimits(
  readJson: ReadJson,
  config: EncoderConfig,
): Promise<{ maxLength: number; lowerCase: boolean }> {
  const tokenizerLimit = await tokenizerMaxLength(readJson);
  const capped = (length: number) => Math.min(length, config.maxLength);
  for (const file of sentenceLimitFiles) {
    const json = await readJson(file);
    if (json === undefined) continue;
    const fields = new JsonFields(file, json);
    const maxLength = fields.has("max_seq_length") ? fields.count("max_seq_length") : tokenizerLimit;
    return { maxLength: capped(maxLength), lowerCase: fields.flag("do_lower_case", false) };
  }
  return { maxLength: capped(tokenizerLimit), lowerCase: false };
}

/** `model_max_length`, which older tokenizers write as a number beyond any length when there is no limit. */
async function tokenizerMaxLength(readJson: ReadJson): Promise<number> {
  const json = await readJson("tokenizer_config.json");
  if (json === undefined) return Infinity;
  const fields = new JsonFields("tokenizer_config.json", json);
  const limit = fields.get("model_max_length") ?? Infinity;
  if (typeof limit !== "number" || !(limit >= 1)) {
    throw new ModelConfigError(
      `tokenizer_config.json: "model_max_length": expected a number of at least 1, got ${JSON.stringify(limit)}`,
    );
  }
  return limit;
}

async function readPrompts(
  readJson: ReadJson,
): Promise<{ prompts: Record<string, string>; defaultPromptName: string | null }> {
  const file = "config_sentence_transformers.json";
  const json = await readJson(file);
  if (json === undefined) return { prompts: {}, defaultPromptName: null };
  const fields = new JsonFields(file, json);
  if (fields.has("truncate_dim")) {
    throw new UnsupportedModelError(
      `${file}: "truncate_dim" is not implemented (leave it out, and give "dimensions" with each request)`,
    );
  }
  const declared = fields.has("prompts") ? fields.get("prompts") : {};
  const given = new JsonFields(`${file}: "prompts"`, declared);
  const prompts = Object.fromEntries(Object.keys(declared as object).map((name) => [name, given.text(name)]));
  const defaultPromptName = fields.has("default_prompt_name") ? fields.text("default_prompt_name") : null;
  if (defaultPromptName !== null && !Object.hasOwn(prompts, defaultPromptName)) {
    throw new ModelConfigError(
      `${file}: "default_prompt_name": expected one of ${Object.keys(prompts).join(", ") || "no prompts"}, got "${defaultPromptName}"`,
    );
  }
  return { prompts, defaultPromptName };
}

/**
 * The files that say how a model without dense layers makes its vectors, in the form that sentence-transformers 2 to 6 read: what
 * it writes itself for such a model.
 *
 * @returns JSON by path
 */
export function sentenceModuleFiles(
  { pooling, transforms, maxLength, lowerCase }: SentenceModules,
  { hiddenSize }: Pick<EncoderConfig, "hiddenSize">,
): Readonly<Record<string, unknown>> {
  const kinds = ["Transformer", "Pooling", ...transforms.map(() => "Normalize")];
  const modules = kinds.map((kind, idx) => ({
    idx,
    name: String(idx),
    path: kind === "Transformer" ? "" : `${idx}_${kind}`,
    type: `sentence_transformers.models.${kind}`,
  }));
  const flags = Object.entries(legacyPoolingFlags).map(([flag, mode]) => [flag, pooling.some((each) => each === mode)]);
  return {
    "modules.json": modules,
    "1_Pooling/config.json": { word_embedding_dimension: hiddenSize, ...Object.fromEntries(flags) },
    "sentence_bert_config.json": { max_seq_length: maxLength, do_lower_case: lowerCase },
  };
}
