/**
 * @file An adapter in peft's layout as weights beside its base's: what its file has, by the names that graphs use, and one checkpoint of
 * both. Formats: peft 0.21, LoraConfig and save_pretrained.
 */
import { JsonFields } from "./config.ts";
import type { EncoderModel } from "./encoderModel.ts";
import { AdapterError } from "./errors.ts";
import { linearModules, loraNames, mergeLora, type LoraOptions } from "./lora.ts";
import type { WeightSource } from "./safetensors/index.ts";

/** peft puts it before the names of transformers. */
export const PEFT_PREFIX = "base_model.model.";

export type AdapterWeights = {
  readonly lora: LoraOptions;
  /** Names in the adapter's file, by the names that graphs use. */
  readonly stored: ReadonlyMap<string, string>;
};

/** Variants of LoRA that compute something else, and what their fields are where they are not used. */
const unused: Readonly<Record<string, readonly unknown[]>> = {
  bias: [undefined, "none"],
  use_dora: [undefined, false],
  lora_bias: [undefined, false],
  fan_in_fan_out: [undefined, false],
  layer_replication: [undefined, null],
};

/**
 * @param json - content of `adapter_config.json`
 * @throws AdapterError, ModelConfigError for another kind of adapter, or one that does not fit the model
 */
export function readAdapterWeights(model: EncoderModel, json: unknown, file: WeightSource): AdapterWeights {
  const fields = json as Readonly<Record<string, unknown>>;
  if (fields["peft_type"] !== "LORA")
    throw problem(`expected peft_type "LORA", got ${JSON.stringify(fields["peft_type"])}`);
  for (const [name, values] of Object.entries(unused)) {
    if (!values.includes(fields[name]))
      throw problem(`expected ${name} ${JSON.stringify(values.at(-1))}, got ${JSON.stringify(fields[name])}`);
  }
  for (const name of ["rank_pattern", "alpha_pattern"]) {
    if (Object.keys((fields[name] as object | null | undefined) ?? {}).length > 0)
      throw problem(`expected one rank and alpha for all layers, got a ${name}`);
  }
  const numbers = new JsonFields("adapter_config.json", json);
  const rank = numbers.positive("r");
  const alpha = numbers.positive("lora_alpha");
  const { family } = model;
  const left = new Set(file.names());
  const stored = new Map<string, string>();
  const modules: string[] = [];
  for (const module of linearModules(model)) {
    const { prefix } = family;
    const spelled = [module, prefix + module].find((each) => left.has(PEFT_PREFIX + loraNames(each).a));
    if (spelled === undefined) continue;
    modules.push(module);
    for (const part of ["a", "b"] as const) {
      const name = PEFT_PREFIX + loraNames(spelled)[part];
      left.delete(name);
      stored.set(loraNames(module)[part], name);
    }
  }
  if (modules.length === 0)
    throw problem(`expected adapters of linear layers of the model, got ${[...left].slice(0, 3).join(", ") || "none"}`);
  const alien = [...left].filter((name) => /\.lora_/.test(name));
  if (alien.length > 0)
    throw problem(`expected adapters of the encoder's linear layers alone, got ${alien.slice(0, 3).join(", ")}`);
  for (const name of left) {
    const spelled = name.startsWith(PEFT_PREFIX) ? name.slice(PEFT_PREFIX.length) : name;
    stored.set(spelled.startsWith(family.prefix) ? spelled.slice(family.prefix.length) : spelled, name);
  }
  const saved = [...new Set([...left].map((name) => savedModule(name, family.prefix)))];
  // Rank-stabilized LoRA (arXiv 2312.03732) has alpha / sqrt(rank) as its scale.
  return {
    lora: { rank, alpha: fields["use_rslora"] === true ? alpha * Math.sqrt(rank) : alpha, modules, saved },
    stored,
  };
}

function savedModule(name: string, prefix: string): string {
  const spelled = name.slice(PEFT_PREFIX.length);
  return (spelled.startsWith(prefix) ? spelled.slice(prefix.length) : spelled).split(".")[0]!;
}

const problem = (what: string) =>
  new AdapterError(
    `adapter_config.json: ${what} (merge it in Python: model.merge_and_unload().save_pretrained(folder))`,
  );

/** One checkpoint of a base and an adapter: of a weight that both have, the adapter's. Closing it closes both. */
export function besideBase(
  base: WeightSource,
  adapter: WeightSource,
  { stored, prefix }: { readonly stored: ReadonlyMap<string, string>; readonly prefix: string },
): WeightSource {
  const isReplaced = (name: string) =>
    stored.has(name) || (name.startsWith(prefix) && stored.has(name.slice(prefix.length)));
  const sourceOf = (name: string): [WeightSource, string] => {
    const own = stored.get(name);
    return own === undefined ? [base, name] : [adapter, own];
  };
  const close = async () => void (await Promise.all([base.close(), adapter.close()]));
  return {
    names: () => [...base.names().filter((name) => !isReplaced(name)), ...stored.keys()],
    has: (name) => stored.has(name) || base.has(name),
    entry(name) {
      const [source, at] = sourceOf(name);
      const { location, ...entry } = source.entry(at);
      // Engines map one folder: the base's.
      return source === base && location !== undefined ? { ...entry, location } : entry;
    },
    readFloat32: (name) => sourceOf(name)[0].readFloat32(sourceOf(name)[1]),
    readInt32: (name) => sourceOf(name)[0].readInt32(sourceOf(name)[1]),
    readBytes: (name) => sourceOf(name)[0].readBytes(sourceOf(name)[1]),
    get bytesRead() {
      return base.bytesRead + adapter.bytesRead;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/**
 * The weights of a whole model: adapters are in the weights that they are beside.
 * @param weights - what besideBase has made
 */
export function mergedWeights({ family }: EncoderModel, weights: WeightSource, lora: LoraOptions): WeightSource {
  const adapted = new Map(
    lora.modules.flatMap((module) =>
      [`${module}.weight`, `${family.prefix}${module}.weight`].map((name) => [name, loraNames(module)] as const),
    ),
  );
  const isPart = new Set(lora.modules.flatMap((module) => Object.values(loraNames(module))));
  const readFloat32 = async (name: string) => {
    const values = await weights.readFloat32(name);
    const parts = adapted.get(name);
    if (parts === undefined) return values;
    mergeLora(values, { a: await weights.readFloat32(parts.a), b: await weights.readFloat32(parts.b) }, lora);
    return values;
  };
  return {
    names: () => weights.names().filter((name) => !isPart.has(name)),
    has: (name) => weights.has(name) && !isPart.has(name),
    entry(name) {
      const { location, ...entry } = weights.entry(name);
      return location !== undefined && !adapted.has(name) ? { ...entry, location } : entry;
    },
    readFloat32,
    readInt32: (name) => weights.readInt32(name),
    readBytes: (name) => weights.readBytes(name),
    get bytesRead() {
      return weights.bytesRead;
    },
    close: () => weights.close(),
    [Symbol.asyncDispose]: () => weights.close(),
  };
}
