/**
 * @file Rows of a Parquet file, a row group at a time. What Hugging Face's datasets says of columns in the file's metadata counts: the
 * numbers of a ClassLabel become its names.
 */
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, type FileMetaData } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { DataError } from "../../data/dataError.ts";
import type { DataRow } from "../../data/dataRow.ts";
import type { FileBytesOptions } from "./fileBytes.ts";

/**
 * The number of a row, from 1, stands for its line.
 *
 * @throws DataError `data_format` for a file that is damaged; the reason of `signal`
 */
export async function* parquetRows(path: string, options: FileBytesOptions): AsyncGenerator<readonly DataRow[]> {
  const name = options.name ?? path;
  const { file, metadata } = await whole(name, async () => {
    const opened = await asyncBufferFromFile(path);
    return { file: opened, metadata: await parquetMetadataAsync(opened) };
  });
  const numRows = Number(metadata.num_rows);
  const labelled = labelNames(metadata);
  let rowStart = 0;
  for (const { num_rows: count } of metadata.row_groups) {
    options.signal?.throwIfAborted();
    const first = rowStart + 1;
    const rowEnd = rowStart + Number(count);
    const rows = await whole(name, () => parquetReadObjects({ file, metadata, rowStart, rowEnd, compressors }));
    const bytesRead = Math.round((file.byteLength * rowEnd) / numRows);
    options.onProgress?.({ file: name, bytesRead, bytesTotal: file.byteLength });
    yield rows.map((row, index) => ({ line: first + index, values: valuesOf(row, labelled) }));
    rowStart = rowEnd;
  }
}

/** What the reader throws are errors without a code: the file is not as it should be. */
async function whole<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    if ("code" in cause) throw new DataError("data_unreadable", `cannot be read (${cause.message})`, { file, cause });
    const message = `expected a whole Parquet file, got one that cannot be read (${cause.message})`;
    throw new DataError("data_format", message, { file, cause });
  }
}

/** Of all kinds of features, only ClassLabel has names. */
type Feature = { readonly names?: readonly string[]; readonly feature?: Feature };
type Features = Readonly<Record<string, Feature>>;

/** Names of the classes of columns that are ClassLabels, or lists of them. */
function labelNames({ key_value_metadata: entries = [] }: FileMetaData): ReadonlyMap<string, readonly string[]> {
  const text = entries.find(({ key }) => key === "huggingface")?.value;
  const features = text === undefined ? {} : featuresOf(text);
  return new Map(
    Object.entries(features).flatMap(([column, feature]) => {
      const names = feature.names ?? feature.feature?.names;
      return Array.isArray(names) ? [[column, names] as const] : [];
    }),
  );
}

function featuresOf(text: string): Features {
  try {
    return (JSON.parse(text) as { info?: { features?: Features } }).info?.features ?? {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

function valuesOf(row: Record<string, unknown>, labelled: ReadonlyMap<string, readonly string[]>): DataRow["values"] {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => {
      const names = labelled.get(column);
      const plain = plainValue(value);
      return [column, names === undefined ? plain : named(plain, names)];
    }),
  );
}

/** -1 is what datasets has where there is no label. */
function named(value: unknown, names: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((each) => named(each, names));
  return typeof value === "number" ? (names[value] ?? null) : value;
}

/** As JSON would have it: 64-bit numbers are numbers where they are exact. */
function plainValue(value: unknown): unknown {
  if (typeof value === "bigint") return BigInt(Number(value)) === value ? Number(value) : String(value);
  if (Array.isArray(value)) return value.map(plainValue);
  const isRecord = typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
  if (!isRecord) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plainValue(each)]));
}
