/**
 * @file Where a checkpoint keeps the weights that a model's graph names, and whether it holds anything that we do not know.
 *
 * Task models put a prefix before the base model's names (`bert.`), and checkpoints converted from TensorFlow call a norm's
 * parameters `gamma` and `beta`; transformers accepts both, so do we.
 */
import type { EncoderModel } from "./encoderModel.ts";
import { CheckpointError } from "./errors.ts";
import { graphParameters } from "./graphParameters.ts";
import type { WeightSource } from "./safetensors/index.ts";

/** What must be known of a weight: its name and shape. */
export type CheckpointEntries = {
  readonly names: () => readonly string[];
  readonly shapeOf: (name: string) => readonly number[];
};

export function checkpointEntries(source: WeightSource): CheckpointEntries {
  return { names: () => source.names(), shapeOf: (name) => source.entry(name).shape };
}

/**
 * Match the model's weights with the checkpoint's.
 *
 * @returns checkpoint name of each weight, by the name that graphs use
 * @throws CheckpointError with the names, when weights are missing, unknown, or of another shape than config.json says
 */
export function resolveCheckpointNames(
  model: EncoderModel,
  checkpoint: CheckpointEntries,
): ReadonlyMap<string, string> {
  const available = new Set(checkpoint.names());
  const resolved = new Map<string, string>();
  const missing: string[] = [];
  const misshapen: string[] = [];
  for (const { name, shape } of graphParameters(model)) {
    const found = spellings(name, model.family.prefix).find((spelling) => available.has(spelling));
    if (found === undefined) {
      missing.push(name);
      continue;
    }
    resolved.set(name, found);
    const actual = checkpoint.shapeOf(found);
    if (actual.join() !== shape.join())
      misshapen.push(`${found}: expected [${shape.join(", ")}], got [${actual.join(", ")}]`);
  }
  for (const name of poolerWeights(model)) {
    const found = spellings(name, model.family.prefix).find((spelling) => available.has(spelling));
    if (found !== undefined) resolved.set(name, found);
  }
  const unknown = unknownWeights(model, available, new Set(resolved.values()));
  if (missing.length > 0)
    throw checkpointProblem(
      "lacks weights that the model needs",
      missing,
      "is it a complete checkpoint of this architecture?",
    );
  if (misshapen.length > 0)
    throw checkpointProblem(
      "has weights of another shape than config.json says",
      misshapen,
      "do the two belong together?",
    );
  if (unknown.length > 0)
    throw checkpointProblem(
      "has weights that this architecture does not know",
      unknown,
      "ignoring them could give wrong vectors",
    );
  return resolved;
}

/** Many checkpoints for sentence vectors have no pooler: it is resolved where there is one. */
function poolerWeights({ family }: EncoderModel): string[] {
  return family.poolerName === null ? [] : [`${family.poolerName}.weight`, `${family.poolerName}.bias`];
}

/** Names under which a checkpoint may have a weight: with and without the prefix, legacy ones included. */
export function spellings(name: string, prefix: string): string[] {
  const legacy = name.replace(/LayerNorm\.weight$/, "LayerNorm.gamma").replace(/LayerNorm\.bias$/, "LayerNorm.beta");
  const bare = legacy === name ? [name] : [name, legacy];
  return [...bare, ...bare.map((each) => prefix + each)];
}

function isKnown(name: string, { family }: EncoderModel): boolean {
  const bare = name.startsWith(family.prefix) ? name.slice(family.prefix.length) : name;
  return family.unused.some((pattern) => pattern.test(bare));
}

/** Names that are neither used nor known to come with such models. */
export function unknownWeights(
  model: EncoderModel,
  available: ReadonlySet<string>,
  used: ReadonlySet<string>,
): readonly string[] {
  return [...available].filter((name) => !used.has(name) && !isKnown(name, model));
}

/** @param what - "lacks weights that ..." @param remedy - what to do, or to ask */
export function checkpointProblem(what: string, names: readonly string[], remedy: string): CheckpointError {
  const shown = names.slice(0, 8).join(", ");
  const more = names.length > 8 ? ` and ${names.length - 8} more` : "";
  return new CheckpointError(`model.safetensors: ${what}: ${shown}${more} (${remedy})`, names);
}
