/** @file Rows of files of JSON: an object a line, or one value for the whole file (a list of objects, or SQuAD's). */
import type { BadRows } from "../../data/badRows.ts";
import { DataError, describeValue } from "../../data/dataError.ts";
import type { DataRow } from "../../data/dataRow.ts";
import { closedJson } from "../../data/jsonBeginning.ts";
import { isSquad, squadRows } from "../../data/squadRows.ts";
import { fileBytes, type FileBytesOptions } from "./fileBytes.ts";
import { fileLines } from "./fileLines.ts";

type Options = FileBytesOptions & { readonly bad: BadRows };

/** Node's longest string is near this; a file that is one value must be parsed from one. */
const maxFileBytes = 1 << 28;
/** Of a file whose beginning is enough. */
const beginningBytes = 1 << 20;

/** Blank lines are passed over. @throws DataError as `fileLines` */
export async function* jsonLineRows(path: string, { bad, ...options }: Options): AsyncGenerator<readonly DataRow[]> {
  const file = options.name ?? path;
  for await (const { first, lines } of fileLines(path, options)) {
    const rows: DataRow[] = [];
    lines.forEach((text, i) => {
      if (text.trim() === "") return;
      const line = first + i;
      bad.try(() => rows.push({ line, values: objectOf(parsed(text, { file, line }), { file, line }) }));
    });
    yield rows;
  }
}

/** @throws DataError when the file is malformed or larger than 256 MiB */
export async function* jsonFileRows(
  path: string,
  { bad, onlyBeginning, ...options }: Options & { readonly onlyBeginning: boolean },
): AsyncGenerator<readonly DataRow[]> {
  const file = options.name ?? path;
  const chunks: Buffer[] = [];
  let numBytes = 0;
  for await (const chunk of fileBytes(path, options)) {
    chunks.push(chunk);
    numBytes += chunk.length;
    if (onlyBeginning && numBytes > beginningBytes) break;
    if (numBytes > maxFileBytes) {
      const message = `expected at most ${maxFileBytes} bytes in a file that is one JSON value (write JSONL: an object a line)`;
      throw new DataError("data_format", message, { file });
    }
  }
  if (numBytes === 0) return;
  const text = Buffer.concat(chunks).toString();
  const isCut = onlyBeginning && numBytes > beginningBytes;
  const value = parsed(isCut ? (closedJson(text) ?? text) : text, { file });
  if (isSquad(value)) {
    yield squadRows(value, file);
    return;
  }
  if (!Array.isArray(value)) {
    const message = `expected a list of objects, or SQuAD's {"data": [...]}, got ${describeValue(value)}`;
    throw new DataError("data_format", message, { file });
  }
  const rows: DataRow[] = [];
  value.forEach((item, i) => {
    bad.try(() => rows.push({ line: undefined, values: objectOf(item, { file, column: `[${i}]` }) }));
  });
  yield rows;
}

type Place = { readonly file: string; readonly line?: number; readonly column?: string };

function parsed(text: string, place: Place): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const { message } = cause as Error;
    const position = /position (\d+)/.exec(message)?.[1];
    const column = position === undefined ? undefined : Number(position) + 1;
    throw new DataError("data_format", `expected JSON, got something else (${message})`, { ...place, column, cause });
  }
}

function objectOf(value: unknown, place: Place): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const message = `expected a JSON object such as {"text": "...", "label": "..."}, got ${describeValue(value)}`;
    throw new DataError("data_format", message, place);
  }
  return trimmedKeys(value as Readonly<Record<string, unknown>>);
}

/** Names of columns without white space around them. */
function trimmedKeys(values: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  if (Object.keys(values).every((key) => key === key.trim())) return values;
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key.trim(), value]));
}
