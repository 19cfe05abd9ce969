/** @file Files and folders that are on the disk when a call resolves, and what is told of a full disk. */
import { isDiskFull, isSystemError, syncFolder } from "@stagecoach/transformer/node";
import { cp, link, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { TrainingError } from "../loop/trainingError.ts";

export async function writeDurably(path: string, content: string | Uint8Array): Promise<void> {
  await using handle = await open(path, "w");
  await handle.writeFile(content);
  await handle.sync();
}

/** A reader sees what was there before, or all of the new content. */
export async function replaceDurably(path: string, content: string | Uint8Array): Promise<void> {
  await writeDurably(`${path}.tmp`, content);
  await rename(`${path}.tmp`, path);
  await syncFolder(dirname(path));
}

/** A file, or a folder with all that is in it; of links what they point to. */
export async function copyDurably(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true, dereference: true });
  await syncAll(to);
}

/** A file that nobody changes under a second name, or a copy of it where the file system has one name for a file. */
export async function linkDurably(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
    await syncFolder(dirname(to));
  } catch (error) {
    if (!isSystemError(error, "EPERM", "EXDEV", "ENOTSUP", "EMLINK", "ENOSYS")) throw error;
    await copyDurably(from, to);
  }
}

async function syncAll(path: string): Promise<void> {
  if ((await stat(path)).isDirectory()) {
    for (const name of await readdir(path)) await syncAll(join(path, name));
    return syncFolder(path);
  }
  // Windows flushes only what could be written to.
  await using handle = await open(path, process.platform === "win32" ? "r+" : "r");
  await handle.sync();
}

/** Give a filled folder its name: a reader sees nothing of it, or the whole. */
export async function publishFolder(temporary: string, folder: string): Promise<void> {
  await syncFolder(temporary);
  await rm(folder, { recursive: true, force: true });
  await rename(temporary, folder);
  await syncFolder(dirname(folder));
}

/** The error to throw instead: a full disk is for people to mend, the rest is what it is. */
export function diskError(error: unknown, what: string): unknown {
  if (!isDiskFull(error)) return error;
  const message = `${what}: expected room on the disk, got none (free some, then go on: what was saved before is as it was)`;
  return new TrainingError("disk_full", message, { cause: error });
}
