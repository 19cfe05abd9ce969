/** @file What is wrong with a data file: where it is wrong, what was expected, what came. */

export type DataErrorCode =
  /** The file cannot be opened or read. */
  | "data_unreadable"
  /** Not UTF-8 (UTF-16 included), or damaged gzip. */
  | "data_encoding"
  /** Not what its format says: malformed JSON, unbalanced quotes, rows of another width. */
  | "data_format"
  | "data_empty"
  /** The columns are not those of a known layout, or the task cannot be told from them. */
  | "data_columns"
  /** A value of another type than its column needs, or an empty text. */
  | "data_value"
  /** A label that does not fit the task or is not among those known. */
  | "data_label"
  | "data_too_many_classes"
  /** An answer that does not lie where it says. */
  | "data_span"
  /** Fewer examples than a batch, a split or a task needs. */
  | "data_too_small"
  /** An option that does not fit the data, the task or the tokenizer. */
  | "data_option";

export type DataPlace = {
  readonly file?: string | undefined;
  /** From 1. */
  readonly line?: number | undefined;
  /** A column's name, or a character's number (from 1) in malformed text. */
  readonly column?: string | number | undefined;
};

/** The message reads `file, line 3, column "label": expected ..., got ... (remedy)`. */
export class DataError extends Error {
  override readonly name = "DataError";
  readonly code: DataErrorCode;
  readonly file: string | undefined;
  readonly line: number | undefined;
  readonly column: string | number | undefined;

  constructor(code: DataErrorCode, message: string, place: DataPlace & ErrorOptions = {}) {
    const where = describePlace(place);
    super(where === "" ? message : `${where}: ${message}`, place.cause === undefined ? {} : { cause: place.cause });
    this.code = code;
    this.file = place.file;
    this.line = place.line;
    this.column = place.column;
  }
}

function describePlace({ file, line, column }: DataPlace): string {
  const parts = [file, line === undefined ? undefined : `line ${line}`];
  if (column !== undefined) parts.push(typeof column === "number" ? `character ${column}` : `column "${column}"`);
  return parts.filter((part) => part !== undefined).join(", ");
}

/** A short description of an untrusted value. */
export function describeValue(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value);
  return typeof value === "number" || typeof value === "boolean" ? String(value) : "an object";
}
