/** @file JSON files of a model's folder. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ModelConfigError } from "../errors.ts";
import type { ReadJson } from "../sentenceModules.ts";
import { isSystemError } from "./isSystemError.ts";

/** Reads JSON files below a folder; a file that does not exist is `undefined`. */
export function jsonReader(folder: string): ReadJson {
  return async (path) => {
    let text: string;
    try {
      text = await readFile(join(folder, path), "utf8");
    } catch (error) {
      if (isSystemError(error) && error.code === "ENOENT") return undefined;
      throw error;
    }
    try {
      return JSON.parse(text) as unknown;
    } catch (cause) {
      throw new ModelConfigError(
        `${join(folder, path)}: expected JSON (${cause instanceof Error ? cause.message : String(cause)})`,
        { cause },
      );
    }
  };
}
