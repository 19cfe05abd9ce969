/**
 * @file The state of a stage in files: parameters under the names of graphs, moments as `m.<name>` and `v.<name>`.
 *
 * Any division into stages reads what any other has written. A weight that two stages share is written once, by its owner; its
 * copy is read from there.
 */
import { float32 } from "@stagecoach/engine";
import type { WeightSource } from "@stagecoach/transformer";
import { openSafetensors, writeSafetensors, type TensorToWrite } from "@stagecoach/transformer/node";
import { join } from "node:path";
import { CheckpointStateError } from "../errors.ts";
import type { SharedWeight, StageWithShared } from "../pipeline/sharedWeights.ts";

/** Flushed to disk when it resolves. @throws what `node:fs` throws; a file of that name is as it was then */
export async function saveStage(
  { stage, shared }: StageWithShared,
  path: { readonly folder: string; readonly name: string },
): Promise<void> {
  const tensors = new Map<string, TensorToWrite>();
  for (const { name, shape } of stage.stateTensors()) {
    if (ownedName(name, shared) !== name) continue;
    tensors.set(name, { dtype: "F32", shape: [...shape], data: async () => (await stage.readState(name)).data });
  }
  await writeSafetensors(join(path.folder, path.name), tensors);
}

/** @throws CheckpointStateError when a tensor is in none of the files, or has another shape; SafetensorsError for damaged files */
export async function restoreStage(
  { stage, shared }: StageWithShared,
  folder: string,
  files: readonly string[],
): Promise<void> {
  const sources: WeightSource[] = [];
  try {
    for (const file of files) sources.push(await openSafetensors(join(folder, file)));
    for (const { name, shape } of stage.stateTensors()) {
      const stored = ownedName(name, shared);
      const source = sources.find((each) => each.has(stored));
      if (source === undefined)
        throw new CheckpointStateError(
          `checkpoint ${folder}: expected a tensor "${stored}" in one of ${files.join(", ")}`,
        );
      const found = source.entry(stored).shape;
      if (found.join() !== shape.join()) {
        throw new CheckpointStateError(
          `checkpoint ${folder}: "${stored}": expected shape [${shape.join(", ")}], got [${found.join(", ")}]`,
        );
      }
      stage.writeState(name, float32(await source.readFloat32(stored), shape));
    }
    stage.discard();
  } finally {
    await Promise.all(sources.map((source) => source.close()));
  }
}

/** Under which name a tensor is stored: that of its owner. */
function ownedName(name: string, shared: SharedWeight | null): string {
  if (shared === null) return name;
  const [prefix, bare] = /^[mv]\./.test(name) ? [name.slice(0, 2), name.slice(2)] : ["", name];
  return bare === shared.copy ? prefix + shared.owner : name;
}
