/** @file A checkpoint as the parameters of a stage's graph: names resolved, float32 mapped from the file, anything else converted. */
import type { FileRange, HostTensor, ParameterSource } from "@stagecoach/engine";
import {
  checkpointEntries,
  expectDenseWeights,
  resolveCheckpointNames,
  resolveTaskCheckpointNames,
  type EncoderModel,
  type Task,
  type WeightSource,
} from "@stagecoach/transformer";

/** Checkpoints of a model: its own, and one per dense module of sentence-transformers, by the module's path. */
export type ModelWeights = { readonly encoder: WeightSource; readonly modules: ReadonlyMap<string, WeightSource> };

export type CheckpointParameters = ParameterSource & {
  /** Stored bytes that were read or given to an engine to map. Shows that a stage touches its own layers only. */
  readonly usedBytes: () => number;
};

/**
 * @param task - whose head's weights are wanted too
 * @throws CheckpointError when the checkpoint and the model do not fit together
 */
export function checkpointParameters(model: EncoderModel, weights: ModelWeights, task?: Task): CheckpointParameters {
  const { encoder } = weights;
  const checkpoint = checkpointEntries(encoder);
  const own = task === undefined ? [] : resolveTaskCheckpointNames({ ...model, task }, checkpoint).names;
  const names = new Map([...resolveCheckpointNames(model, checkpoint), ...own]);
  for (const transform of model.modules.transforms)
    if (transform !== "normalize") expectDenseWeights(transform, checkpointEntries(moduleWeights(transform.path)));
  const used = new Map<string, number>();

  function moduleWeights(path: string): WeightSource {
    const source = weights.modules.get(path);
    if (source === undefined) throw new Error(`internal: no checkpoint was opened for the module "${path}"`);
    return source;
  }

  function place(name: string): { readonly source: WeightSource; readonly stored: string } {
    const slash = name.lastIndexOf("/");
    if (slash === -1) return { source: encoder, stored: names.get(name) ?? name };
    return { source: moduleWeights(name.slice(0, slash)), stored: name.slice(slash + 1) };
  }

  return {
    usedBytes: () => [...used.values()].reduce((total, bytes) => total + bytes, 0),
    locate(name): FileRange | undefined {
      const { source, stored } = place(name);
      const { dtype, location, bytes } = source.entry(stored);
      if (dtype !== "F32" || location === undefined) return undefined;
      used.set(name, bytes);
      return location;
    },
    async read(name): Promise<HostTensor> {
      const { source, stored } = place(name);
      const { shape, bytes } = source.entry(stored);
      used.set(name, bytes);
      return { dtype: "float32", shape, data: await source.readFloat32(stored) };
    },
  };
}
