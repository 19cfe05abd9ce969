/** @file Make a rename durable. */
import { open } from "node:fs/promises";

/** Flush a folder's entries to the disk. Windows has no such call: its file system journals renames by itself. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  await using handle = await open(folder, "r");
  await handle.sync();
}
