/**
 * @file Weights of a checkpoint on disk: one safetensors file, or shards with an index.
 *
 * Follows the layout that transformers' `save_pretrained` writes. Opening reads headers only; each tensor is one
 * positioned read into a buffer of its size. The order of preference in a folder is transformers': `model.safetensors`
 * before the index.
 */
import { open, readFile, realpath, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { fileWeights } from "../safetensors/fileWeights.ts";
import type { TensorFile } from "../safetensors/fileWeights.ts";
import { SafetensorsError } from "../safetensors/errors.ts";
import {
  maxHeaderBytes,
  parseSafetensorsHeader,
  safetensorsHeaderBytes,
} from "../safetensors/parseSafetensorsHeader.ts";
import type { WeightSource } from "../safetensors/weightSource.ts";
import { isFile } from "./isFile.ts";
import { isSystemError } from "./isSystemError.ts";
import { parseSafetensorsIndex } from "./parseSafetensorsIndex.ts";

export const singleFileName = "model.safetensors";
export const indexFileName = "model.safetensors.index.json";

/** One read call takes less than 2 GiB (libuv); larger tensors take several. */
const maxReadBytes = 1 << 30;

/**
 * Open the weights of a model.
 *
 * The files stay open until `close()`. `entry(name).location` names the real file behind symbolic links.
 *
 * @param folderOrFile - a folder with `model.safetensors` or `model.safetensors.index.json`, or such a file of any name
 * @throws SafetensorsError when there is no checkpoint, a header breaks the format, a shard is missing, or shards and
 * index disagree
 */
export async function openSafetensors(folderOrFile: string): Promise<WeightSource> {
  const path = await checkpointPath(resolve(folderOrFile));
  return path.endsWith(".json") ? openSharded(path) : fileWeights([await openTensorFile(path)]);
}

async function checkpointPath(path: string): Promise<string> {
  const candidates = [path, join(path, singleFileName), join(path, indexFileName)];
  for (const candidate of candidates) {
    if (await isFile(candidate)) return candidate;
  }
  throw new SafetensorsError({
    code: "weights_not_found",
    file: path,
    expected: `a safetensors file, or a folder with ${singleFileName} or ${indexFileName}`,
    found: "none of them",
    remedy:
      "check the path; convert other formats in Python with model.save_pretrained(folder, safe_serialization=True)",
  });
}

async function openSharded(indexPath: string): Promise<WeightSource> {
  const shardOf = parseSafetensorsIndex(await readIndex(indexPath), indexPath);
  const shards = [...new Set(shardOf.values())].toSorted();
  const files: TensorFile[] = [];
  try {
    for (const shard of shards) files.push(await openTensorFile(join(dirname(indexPath), shard), indexPath));
    checkShards({ indexPath, shardOf, files });
    return fileWeights(files);
  } catch (error) {
    await Promise.all(files.map((file) => file.close()));
    throw error;
  }
}

async function readIndex(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size <= maxHeaderBytes) return readFile(path, "utf8");
  throw new SafetensorsError({
    code: "safetensors_invalid",
    file: path,
    expected: `an index of at most ${maxHeaderBytes} bytes`,
    found: `${size}`,
    remedy: "download or write the checkpoint again",
  });
}

/** Every tensor is in the shard that the index names, and no shard holds a tensor that the index does not name. */
function checkShards(checkpoint: {
  readonly indexPath: string;
  readonly shardOf: ReadonlyMap<string, string>;
  readonly files: readonly TensorFile[];
}): void {
  const { indexPath, shardOf, files } = checkpoint;
  const remedy = "index and shards are of different checkpoints: download or write all of them again";
  const holders = new Map(files.map((file) => [basename(file.name), file]));
  for (const [tensor, shard] of shardOf) {
    if (holders.get(shard)?.header.tensors.has(tensor)) continue;
    const elsewhere = files.find((file) => file.header.tensors.has(tensor));
    throw new SafetensorsError({
      code: "safetensors_invalid",
      file: indexPath,
      tensor,
      expected: `the tensor in ${shard}`,
      found: elsewhere ? `it in ${basename(elsewhere.name)}` : "it in no shard",
      remedy,
    });
  }
  for (const file of files) {
    for (const tensor of file.header.tensors.keys()) {
      if (shardOf.has(tensor)) continue;
      const expected = `a tensor that ${basename(indexPath)} names`;
      throw new SafetensorsError({
        code: "safetensors_invalid",
        file: file.name,
        tensor,
        expected,
        found: "one that it does not",
        remedy,
      });
    }
  }
}

/** @param indexPath - the index that names the file, for the message when it is missing */
async function openTensorFile(path: string, indexPath?: string): Promise<TensorFile> {
  let handle: FileHandle;
  try {
    handle = await open(path, "r");
  } catch (error) {
    if (indexPath === undefined || !isSystemError(error, "ENOENT")) throw error;
    throw missingShard({ indexPath, shard: basename(path), cause: error });
  }
  try {
    const { size } = await handle.stat();
    const read = (target: Uint8Array, offset: number) => readFully({ handle, path, target, offset });
    const lengthField = new Uint8Array(Math.min(size, 8));
    await read(lengthField, 0);
    const header = new Uint8Array(safetensorsHeaderBytes(lengthField, size, path));
    await read(header, 0);
    return {
      name: path,
      realPath: await realpath(path),
      header: parseSafetensorsHeader(header, size, path),
      read,
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function readFully(request: {
  readonly handle: FileHandle;
  readonly path: string;
  readonly target: Uint8Array;
  readonly offset: number;
}): Promise<void> {
  const { handle, path, target, offset } = request;
  let done = 0;
  while (done < target.length) {
    const length = Math.min(target.length - done, maxReadBytes);
    const { bytesRead } = await handle.read(target, done, length, offset + done);
    if (bytesRead === 0) {
      throw new SafetensorsError({
        code: "safetensors_truncated",
        file: path,
        expected: `${target.length} bytes from byte ${offset}`,
        found: `${done}`,
        remedy: "the file became shorter while it was open: write it again",
      });
    }
    done += bytesRead;
  }
}

function missingShard(facts: { indexPath: string; shard: string; cause: unknown }): SafetensorsError {
  return new SafetensorsError(
    {
      code: "weights_not_found",
      file: facts.indexPath,
      expected: `the shard ${facts.shard} beside the index`,
      found: "no such file",
      remedy: "the download or copy is incomplete: fetch the missing file",
    },
    { cause: facts.cause },
  );
}
