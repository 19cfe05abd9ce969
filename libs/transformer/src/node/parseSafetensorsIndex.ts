/**
 * @file The index of a sharded checkpoint (`model.safetensors.index.json`): which tensor lies in which file.
 *
 * Follows what transformers' `save_pretrained` writes: `{"metadata": {...}, "weight_map": {tensor: file}}`. The
 * metadata is not read. A file name with a folder in it is refused, as it could lead anywhere on the disk.
 */
import { quoted, SafetensorsError } from "../safetensors/errors.ts";
import { parseStrictJson } from "../safetensors/strictJson.ts";
import type { StrictJson } from "../safetensors/strictJson.ts";

/**
 * @param text - the whole index
 * @param file - name for messages
 * @returns shard file name by tensor name
 * @throws SafetensorsError when the text is no such index, is empty, or names a file outside its folder
 */
export function parseSafetensorsIndex(text: string, file: string): ReadonlyMap<string, string> {
  let root: StrictJson;
  try {
    root = parseStrictJson(text);
  } catch (error) {
    const found = error instanceof SyntaxError ? error.message : "something else";
    throw invalid({ file, expected: "an index in JSON", found }, { cause: error });
  }
  const weightMap = root instanceof Map ? root.get("weight_map") : undefined;
  if (!(weightMap instanceof Map) || weightMap.size === 0) {
    throw invalid({ file, expected: 'an object with a "weight_map" of tensor names', found: "none" });
  }
  const shardOf = new Map<string, string>();
  for (const [tensor, shard] of weightMap as ReadonlyMap<string, StrictJson>) {
    if (typeof shard !== "string" || !isPlainShardName(shard)) {
      const found = typeof shard === "string" ? quoted(shard) : `a ${typeof shard}`;
      throw invalid({ file, tensor, expected: "the name of a .safetensors file in the same folder", found });
    }
    shardOf.set(tensor, shard);
  }
  return shardOf;
}

function isPlainShardName(name: string): boolean {
  // No separator of any platform, no drive letter, no control character, no leading dot.
  return /^[^/\\:\p{Cc}.][^/\\:\p{Cc}]*\.safetensors$/u.test(name);
}

function invalid(facts: { file: string; tensor?: string; expected: string; found: string }, options?: ErrorOptions) {
  const remedy = "the index is damaged: download or write the checkpoint again";
  return new SafetensorsError({ ...facts, code: "safetensors_invalid", remedy }, options);
}
