/** @file The lines of text files, streamed: memory does not grow with the files, also when one has no line ends. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { VocabularyTrainingError } from "../errors.ts";

/** A line that is longer is handed on in parts, cut at a space where there is one (UTF-16 units). */
const maxLineUnits = 1 << 20;

export type BytesProgress = { readonly path: string; readonly bytesRead: number; readonly bytesTotal: number };

/**
 * Lines of the files in order, without their ends. Files named `.gz` are decompressed.
 *
 * @param onBytes - called as bytes are read, counted over all files and as they lie on disk
 * @throws VocabularyTrainingError when a file cannot be read
 */
export async function* linesOfFiles(
  paths: readonly string[],
  onBytes?: (progress: BytesProgress) => void,
): AsyncGenerator<string> {
  const sizes = await Promise.all(paths.map((path) => sizeOf(path)));
  const bytesTotal = sizes.reduce((sum, size) => sum + size, 0);
  let bytesRead = 0;
  for (const path of paths) {
    const file = createReadStream(path);
    file.on("data", (chunk) => {
      bytesRead += chunk.length;
      onBytes?.({ path, bytesRead, bytesTotal });
    });
    try {
      yield* linesOf(path.endsWith(".gz") ? decompressed(file) : file);
    } catch (cause) {
      throw new VocabularyTrainingError(`training text: cannot read ${path} (${(cause as Error).message})`, { cause });
    } finally {
      file.destroy();
    }
  }
}

function decompressed(file: Readable): Readable {
  const output = createGunzip();
  file.once("error", (error) => output.destroy(error));
  return file.pipe(output);
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (cause) {
    throw new VocabularyTrainingError(`training text: cannot read ${path} (${(cause as Error).message})`, { cause });
  }
}

async function* linesOf(stream: Readable): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
    while (rest.length > maxLineUnits) {
      const space = rest.lastIndexOf(" ", maxLineUnits);
      const cut = space > 0 ? space : maxLineUnits;
      yield rest.slice(0, cut);
      rest = rest.slice(cut);
    }
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}
