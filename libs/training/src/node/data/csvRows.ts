/** @file Rows of a CSV or TSV file with a header line (RFC 4180, read by csv-parse). */
import { Readable } from "node:stream";
import { CsvError, parse, type Info } from "csv-parse";
import type { BadRows } from "../../data/badRows.ts";
import { DataError } from "../../data/dataError.ts";
import type { DataRow } from "../../data/dataRow.ts";
import { fileBytes, type FileBytesOptions } from "./fileBytes.ts";

/** A quote that is never closed would otherwise swallow the rest of the file into memory. */
const maxRecordBytes = 1 << 24;
const rowsPerPortion = 256;

type Record = { readonly record: readonly string[]; readonly info: Info };

/**
 * Names in the header are trimmed. Rows of another width than the header's are reported; quotes that do not balance stop
 * everything, as nobody can tell where the next row starts.
 *
 * @throws DataError "data_format" with the line
 */
export async function* csvRows(
  path: string,
  delimiter: "," | "\t",
  { bad, ...options }: FileBytesOptions & { readonly bad: BadRows },
): AsyncGenerator<readonly DataRow[]> {
  const file = options.name ?? path;
  const bytes = Readable.from(fileBytes(path, options), { objectMode: true });
  const parser = parse({
    delimiter,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: maxRecordBytes,
  });
  bytes.once("error", (error) => parser.destroy(error));
  bytes.pipe(parser);
  let header: readonly string[] | undefined;
  let portion: DataRow[] = [];
  let lastLine = 0;
  try {
    for await (const { record, info } of parser as AsyncIterable<Record>) {
      lastLine = info.lines;
      if (header === undefined) {
        header = checkedHeader(record, file);
        continue;
      }
      const line = info.lines - numLineEnds(record);
      if (record.length === header.length) portion.push({ line, values: valuesOf(header, record) });
      else bad.report(widthError({ file, line, width: record.length }, header));
      if (portion.length === rowsPerPortion) {
        yield portion;
        portion = [];
      }
    }
  } catch (cause) {
    // Those before it are in order.
    if (portion.length > 0) yield portion;
    throw cause instanceof CsvError ? csvError(cause, { file, lastLine }) : cause;
  } finally {
    parser.destroy();
    bytes.destroy();
  }
  if (portion.length > 0) yield portion;
}

function checkedHeader(record: readonly string[], file: string): readonly string[] {
  const names = record.map((name) => name.trim());
  names.forEach((name, i) => {
    const place = { file, line: 1, column: name === "" ? undefined : name };
    if (name === "") throw new DataError("data_format", `expected a name for column ${i + 1}, got none`, place);
    if (names.indexOf(name) !== i) throw new DataError("data_format", "expected each name once, got it twice", place);
  });
  return names;
}

function valuesOf(header: readonly string[], record: readonly string[]): { readonly [column: string]: string } {
  return Object.fromEntries(header.map((name, i) => [name, record[i]!]));
}

function numLineEnds(record: readonly string[]): number {
  return record.reduce((sum, value) => sum + (value.includes("\n") ? value.split("\n").length - 1 : 0), 0);
}

function widthError(
  { file, line, width }: { readonly file: string; readonly line: number; readonly width: number },
  header: readonly string[],
): DataError {
  const expected = `${header.length} values (${header.join(", ")})`;
  return new DataError(
    "data_format",
    `expected ${expected}, got ${width} (quote values that have commas or line ends)`,
    {
      file,
      line,
    },
  );
}

function csvError(
  cause: CsvError,
  { file, lastLine }: { readonly file: string; readonly lastLine: number },
): DataError {
  const got: { readonly [code: string]: string } = {
    CSV_QUOTE_NOT_CLOSED: "a quote that is never closed",
    CSV_MAX_RECORD_SIZE: `a quote that is not closed within ${maxRecordBytes} bytes`,
    CSV_INVALID_CLOSING_QUOTE: "text after a closing quote",
    INVALID_OPENING_QUOTE: "a quote within a value that does not start with one",
  };
  const isOpen = cause.code === "CSV_QUOTE_NOT_CLOSED" || cause.code === "CSV_MAX_RECORD_SIZE";
  const lines = (cause as unknown as { readonly lines?: number }).lines;
  const message = `expected balanced quotes, got ${got[cause.code] ?? cause.message} (write a quote within quotes twice: "")`;
  return new DataError("data_format", message, { file, line: isOpen ? lastLine + 1 : lines, cause });
}
