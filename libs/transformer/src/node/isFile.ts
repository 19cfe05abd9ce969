/** @file Whether there is a file. */
import { stat } from "node:fs/promises";
import { isSystemError } from "./isSystemError.ts";

/** False for a folder, and where there is nothing. */
export async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ENOTDIR")) return false;
    throw error;
  }
}
