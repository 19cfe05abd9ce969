/** @file Reads JSON and text files of a model's folder, with errors that name the file and what was expected in it. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { TokenizerFileError } from "../errors.ts";

/** The text of a file, or `undefined` when there is none. */
export async function readTextIfPresent(folder: string, name: string): Promise<string | undefined> {
  const path = join(folder, name);
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new TokenizerFileError(path, "a file that can be read", { cause, got: (cause as Error).message });
  }
}

/** The parsed content of a JSON file, or `undefined` when there is none. */
export async function readJsonIfPresent(folder: string, name: string): Promise<unknown> {
  const text = await readTextIfPresent(folder, name);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new TokenizerFileError(join(folder, name), "JSON", { cause, got: (cause as Error).message });
  }
}
