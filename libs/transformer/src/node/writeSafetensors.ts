/**
 * @file Write a safetensors file so that a reader sees the old file or the whole new one, also after a power cut.
 *
 * The bytes go to a temporary name in the same folder, are flushed, and renamed; then the folder is flushed.
 */
import { randomUUID } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { checkedBytes, defaultMetadata, layoutSafetensors } from "../safetensors/encodeSafetensors.ts";
import type { SafetensorsMetadata, TensorLayout } from "../safetensors/encodeSafetensors.ts";
import { syncFolder } from "./syncFolder.ts";

/**
 * `data` as in `encodeSafetensors`, or a function that fetches it when its turn comes, so that one tensor is in memory
 * at a time.
 */
export type TensorToWrite = TensorLayout & { readonly data: ArrayBufferView | (() => Promise<ArrayBufferView>) };

/** One write call takes less than 2 GiB (libuv). */
const maxWriteBytes = 1 << 30;

/**
 * Write tensors to `path`; a file that is there is replaced.
 *
 * @param tensors - by name; the bytes equal those of the reference implementation
 * @param options - `metadata`: texts for `__metadata__`, by default `{format: "pt"}`; `signal` stops between two
 * tensors
 * @throws SafetensorsError when data does not fit its shape, and what `node:fs` throws; `path` is as it was then
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, TensorToWrite>,
  options: { readonly metadata?: SafetensorsMetadata; readonly signal?: AbortSignal } = {},
): Promise<void> {
  const layout = layoutSafetensors(tensors, options.metadata ?? defaultMetadata);
  const target = resolve(path);
  const folder = dirname(target);
  const temporary = join(folder, `.${basename(target)}.${randomUUID()}.tmp`);
  try {
    await using handle = await open(temporary, "wx");
    await writeFully(handle, layout.header);
    for (const name of layout.order) {
      options.signal?.throwIfAborted();
      await writeFully(handle, await dataOf(name, tensors.get(name)));
    }
    await handle.sync();
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
}

async function dataOf(name: string, tensor: TensorToWrite | undefined): Promise<Uint8Array> {
  if (!tensor) throw new Error(`internal: the layout names ${name}, which is not among the tensors`);
  return checkedBytes(name, tensor, typeof tensor.data === "function" ? await tensor.data() : tensor.data);
}

async function writeFully(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, done, Math.min(bytes.length - done, maxWriteBytes));
    done += bytesWritten;
  }
}
