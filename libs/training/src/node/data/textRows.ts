/** @file Rows of plain text: a text a line, or documents that blank lines divide. */
import { DataError } from "../../data/dataError.ts";
import type { DataRow } from "../../data/dataRow.ts";
import type { FileBytesOptions } from "./fileBytes.ts";
import { fileLines, maxLineBytes } from "./fileLines.ts";

/** `{ text }` for each line that is not blank. @throws DataError as `fileLines` */
export async function* textRows(path: string, options: FileBytesOptions): AsyncGenerator<readonly DataRow[]> {
  for await (const { first, lines } of fileLines(path, options)) {
    const rows = lines.map((line, i) => ({ line: first + i, values: { text: line.trim() } }));
    yield rows.filter(({ values }) => values.text !== "");
  }
}

/**
 * `{ [column]: lines }` for each document.
 *
 * @param options.column - what a line is: "sentences" or "paragraphs"
 * @throws DataError as `fileLines`, and "data_format" for a document that does not fit into memory
 */
export async function* documentRows(
  path: string,
  { column, ...options }: FileBytesOptions & { readonly column: "sentences" | "paragraphs" },
): AsyncGenerator<readonly DataRow[]> {
  let document: string[] = [];
  let start = 1;
  let numUnits = 0;
  for await (const { first, lines } of fileLines(path, options)) {
    const rows: DataRow[] = [];
    lines.forEach((text, i) => {
      const line = text.trim();
      if (line !== "") {
        if (document.length === 0) start = first + i;
        document.push(line);
        numUnits += line.length;
        if (numUnits > maxLineBytes) throw tooLong(options.name ?? path, start);
      } else if (document.length > 0) {
        rows.push({ line: start, values: { [column]: document } });
        document = [];
        numUnits = 0;
      }
    });
    yield rows;
  }
  if (document.length > 0) yield [{ line: start, values: { [column]: document } }];
}

function tooLong(file: string, line: number): DataError {
  const message = `expected documents of at most ${maxLineBytes} characters, got a longer one (put blank lines between documents)`;
  return new DataError("data_format", message, { file, line });
}
