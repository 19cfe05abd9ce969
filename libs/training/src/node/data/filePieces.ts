/** @file Pieces of encoded examples: the first ones in memory, the others in a file of their own. */
import { closeSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { randomUUID } from "node:crypto";
import { memoryPieces, pieceWords, type PieceStorage } from "../../data/exampleStore.ts";
import { readRange, writeRange } from "./fileRanges.ts";

/**
 * The file is nameless where the system allows that (it is removed at once and lives as long as it is open), so that a
 * process that is killed leaves nothing behind.
 *
 * @param folder - where the file goes once it is needed; must exist
 * @param maxMemoryBytes - of pieces that stay in memory
 */
export function filePieces(folder: string, maxMemoryBytes: number): PieceStorage {
  const numInMemory = Math.floor(maxMemoryBytes / (pieceWords * 4));
  const memory = memoryPieces();
  let file: number | undefined;
  const opened = (): number => {
    if (file === undefined) {
      const path = join(folder, `examples-${randomUUID()}.tmp`);
      file = openSync(path, "wx+");
      rmSync(path);
    }
    return file;
  };
  const position = (piece: number, start: number) => ((piece - numInMemory) * pieceWords + start) * 4;
  return {
    write: (piece, words) => {
      if (piece < numInMemory) return memory.write(piece, words);
      const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
      writeRange(opened(), bytes, position(piece, 0));
    },
    read: (piece, start, end) => {
      if (piece < numInMemory) return memory.read(piece, start, end);
      const bytes = new Uint8Array((end - start) * 4);
      readRange(opened(), bytes, position(piece, start));
      return new Int32Array(bytes.buffer);
    },
    close: () => {
      memory.close();
      if (file !== undefined) closeSync(file);
      file = undefined;
    },
  };
}
