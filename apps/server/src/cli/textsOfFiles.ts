/** @file The texts of files: the lines of plain ones, of data files the entries of the columns that hold text. */
import { BadRows, DataError, textColumns, type DataRow } from "@stagecoach/training";
import { formatOfName, openDataFile } from "@stagecoach/training/node";
import { linesOfFiles, type BytesProgress } from "@stagecoach/tokenizer/node";
import { statSync } from "node:fs";
import { SettingsError } from "../config/loadSettings.ts";

/** All others are plain text. */
const isDataFile = (path: string) => (formatOfName(path) ?? "text") !== "text";

export type TextsOptions = {
  /** Columns of data files; default: those of the usual names that a file has. */
  readonly columns?: readonly string[] | undefined;
  /** As bytes are read, counted over all files. */
  readonly onBytes: (progress: BytesProgress) => void;
};

/** @throws SettingsError for columns without a data file; VocabularyTrainingError for a plain file that cannot be read; DataError for a data file, and for one without such a column */
export async function* textsOfFiles(paths: readonly string[], options: TextsOptions): AsyncGenerator<string> {
  if (options.columns !== undefined && !paths.some((path) => isDataFile(path)))
    throw new SettingsError(`--column: expected a data file (JSONL, JSON, CSV, TSV, Parquet), got ${paths.join(", ")}`);
  // What is not there is reported when its turn comes.
  const sizes = paths.map((path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0);
  const bytesTotal = sizes.reduce((sum, size) => sum + size, 0);
  let before = 0;
  for (const [index, path] of paths.entries()) {
    const start = before;
    const own: TextsOptions = {
      ...options,
      onBytes: ({ bytesRead }) => options.onBytes({ path, bytesRead: start + bytesRead, bytesTotal }),
    };
    if (isDataFile(path)) yield* textsOfData(path, own);
    else yield* linesOfFiles([path], own.onBytes);
    before += sizes[index]!;
  }
}

async function* textsOfData(path: string, { columns: asked, onBytes }: TextsOptions): AsyncGenerator<string> {
  const source = await openDataFile(path, {
    onProgress: ({ bytesRead, bytesTotal }) => onBytes({ path, bytesRead, bytesTotal }),
  });
  let columns: readonly string[] | null = null;
  for await (const rows of source.read(new BadRows())) {
    columns ??= chooseColumns(rows, asked, path);
    for (const { values } of rows) for (const column of columns) yield* textsIn(values[column]);
  }
}

/** @throws DataError */
function chooseColumns(
  rows: readonly DataRow[],
  asked: readonly string[] | undefined,
  file: string,
): readonly string[] {
  const there = [...new Set(rows.flatMap(({ values }) => Object.keys(values)))];
  const missing = asked?.find((name) => !there.includes(name));
  const found = asked ?? textColumns.filter((name) => there.includes(name));
  if (missing === undefined && found.length > 0) return found;
  const expected = missing === undefined ? `a column of text (${textColumns.join(", ")})` : `the column "${missing}"`;
  throw new DataError("data_columns", `expected ${expected}, got ${there.join(", ")} (name some with --column)`, {
    file,
  });
}

function textsIn(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}
