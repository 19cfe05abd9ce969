/** @file The lines of a UTF-8 file, streamed, in portions. */
import { DataError } from "../../data/dataError.ts";
import { fileBytes, type FileBytesOptions } from "./fileBytes.ts";

/** A longer line would have to be held in memory. */
export const maxLineBytes = 1 << 26;

export type LinePortion = {
  /** Number of its first line, from 1. */
  readonly first: number;
  /** Without their ends. */
  readonly lines: readonly string[];
};

/** @throws DataError as `fileBytes`, and "data_format" for a line of more than 64 MiB */
export async function* fileLines(path: string, options: FileBytesOptions = {}): AsyncGenerator<LinePortion> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  let first = 1;
  for await (const chunk of fileBytes(path, options)) {
    const end = chunk.lastIndexOf(0x0a);
    if (end < 0) {
      rest.push(chunk);
      restBytes += chunk.length;
      if (restBytes > maxLineBytes) {
        const message = `expected lines of at most ${maxLineBytes} bytes, got a longer one (is it a file of lines?)`;
        throw new DataError("data_format", message, { file: options.name ?? path, line: first });
      }
      continue;
    }
    const lines = splitLines(Buffer.concat([...rest, chunk.subarray(0, end)]).toString());
    yield { first, lines };
    first += lines.length;
    rest = [chunk.subarray(end + 1)];
    restBytes = rest[0]!.length;
  }
  if (restBytes > 0) yield { first, lines: splitLines(Buffer.concat(rest).toString()) };
}

function splitLines(text: string): string[] {
  const lines = text.split("\n");
  return text.includes("\r") ? lines.map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line)) : lines;
}
