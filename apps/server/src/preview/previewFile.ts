/** @file The first rows of a data file as the trainer reads them, and what a job would take them for; only its beginning is read. */
import { BadRows, DataError, findLayout, type ColumnMap, type DataFormat, type DataRow } from "@stagecoach/training";
import { openDataFile, type DataFile } from "@stagecoach/training/node";
import { taskNames, type TaskName } from "@stagecoach/transformer";
import { kindOfValues, shownValue, type ValueKind } from "./shownValues.ts";

export type PreviewedColumn = {
  readonly name: string;
  readonly kind: ValueKind;
  /** The first few that differ. */
  readonly examples: readonly unknown[];
};

export type DataProblem = {
  readonly message: string;
  readonly line: number | null;
  /** A column's name, or the number of a character in its line. */
  readonly column: string | number | null;
};

export type LayoutGuess = {
  /** null: nothing can be guessed. */
  readonly task: TaskName | null;
  /** Tasks that could be asked for with these columns. */
  readonly tasks: readonly TaskName[];
  readonly columns: ColumnMap;
  readonly unused: readonly string[];
  readonly reason: string;
};

export type FilePreview = {
  /** null: it cannot be told, or read. */
  readonly format: DataFormat | null;
  readonly columns: readonly PreviewedColumn[];
  readonly rows: readonly DataRow[];
  readonly hasMore: boolean;
  readonly guess: LayoutGuess;
  readonly problems: readonly DataProblem[];
};

export type PreviewFileOptions = {
  readonly numRows: number;
  readonly signal: AbortSignal;
  /** Longest that it may take to get to the first rows. */
  readonly timeoutMs?: number;
};

const MAX_PROBLEMS = 20;
const MAX_EXAMPLES = 3;
const TIMEOUT_MS = 10_000;

/** What is wrong with the file is told, not thrown. @throws the reason of `signal` */
export async function previewFile(
  file: DataFile,
  { numRows, signal, timeoutMs = TIMEOUT_MS }: PreviewFileOptions,
): Promise<FilePreview> {
  const beginning: Beginning = { format: null, isTyped: true, names: new Set(), rows: [], hasMore: false };
  const bad = new BadRows("skip", { limit: MAX_PROBLEMS });
  const timeout = AbortSignal.timeout(timeoutMs);
  const problems: DataProblem[] = [];
  try {
    await readBeginning(file, beginning, { numRows, bad, signal: AbortSignal.any([signal, timeout]) });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof DataError) problems.push(problemOfError(error));
    else if (timeout.aborted) problems.push(tooSlow(file, timeoutMs));
    else throw error;
  }
  const { format, isTyped, names, rows, hasMore } = beginning;
  const columns = [...names].map((name) => {
    const values = rows.flatMap(({ values: row }) => (Object.hasOwn(row, name) ? [row[name]] : []));
    return { name, kind: kindOfValues(values, isTyped), examples: distinct(values.map(shownValue)) };
  });
  return {
    format,
    columns,
    rows: rows.map(({ line, values }) => ({ line, values: shownValue(values) as DataRow["values"] })),
    hasMore,
    guess: guessOf([...names], file),
    problems: [...bad.errors.map(problemOfError), ...problems],
  };
}

type Beginning = {
  format: DataFormat | null;
  isTyped: boolean;
  /** As the trainer sees them: those of all rows that it gets first. */
  readonly names: Set<string>;
  readonly rows: DataRow[];
  hasMore: boolean;
};

type Reading = { readonly numRows: number; readonly bad: BadRows; readonly signal: AbortSignal };

async function readBeginning(file: DataFile, into: Beginning, { numRows, bad, signal }: Reading): Promise<void> {
  const source = await openDataFile(file.path, { name: file.name ?? file.path, onlyBeginning: true, signal });
  into.format = source.format;
  into.isTyped = source.isTyped;
  for await (const portion of source.read(bad)) {
    const isFirst = into.rows.length === 0;
    const shown = portion.slice(0, numRows - into.rows.length);
    into.hasMore = shown.length < portion.length;
    for (const { values } of isFirst ? portion : shown) for (const name of Object.keys(values)) into.names.add(name);
    into.rows.push(...shown);
    if (into.hasMore) return;
  }
}

function guessOf(names: readonly string[], { path, name = path }: DataFile): LayoutGuess {
  const none = { task: null, tasks: [], columns: {}, unused: names };
  if (names.length === 0) return { ...none, reason: "There are no rows to tell it from." };
  try {
    const { task, columns, ignored } = findLayout(names, { file: name });
    const used = Object.values(columns).join(", ");
    const others = ignored.length === 0 ? "" : `; not used: ${ignored.join(", ")}`;
    const reason = `Columns that are known for ${task}: ${used}${others}.`;
    return { task, tasks: taskNames.filter((each) => fits(names, each)), columns, unused: ignored, reason };
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    return { ...none, tasks: taskNames.filter((each) => fits(names, each)), reason: error.message };
  }
}

function fits(names: readonly string[], task: TaskName): boolean {
  try {
    findLayout(names, { task });
    return true;
  } catch (error) {
    if (error instanceof DataError) return false;
    throw error;
  }
}

export function problemOfError({ message, line, column }: DataError): DataProblem {
  return { message, line: line ?? null, column: column ?? null };
}

function tooSlow({ path, name = path }: DataFile, timeoutMs: number): DataProblem {
  const message = `${name}: expected rows within ${timeoutMs / 1000} s, got none (is there anything but blank lines?)`;
  return { message, line: null, column: null };
}

function distinct(values: readonly unknown[]): unknown[] {
  const byText = new Map(values.flatMap((value) => (value == null ? [] : [[JSON.stringify(value), value] as const])));
  return [...byText.values()].slice(0, MAX_EXAMPLES);
}
