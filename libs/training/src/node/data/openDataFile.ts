/** @file A data file as a source of rows: its format from its name, or from how it begins. */
import { stat } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { DataError } from "../../data/dataError.ts";
import { dataFormats, type DataFormat, type RowSource } from "../../data/dataRow.ts";
import { csvRows } from "./csvRows.ts";
import { filesOfSplit, isFolder, type DataSplit } from "./dataFolder.ts";
import { fileBytes, type FileBytesOptions, type ReadProgress } from "./fileBytes.ts";
import { isParquet } from "./isParquet.ts";
import { jsonFileRows, jsonLineRows } from "./jsonRows.ts";
import { documentRows, textRows } from "./textRows.ts";

export type DataFileOptions = FileBytesOptions & {
  /** Default: from the name's extension (`.gz` aside), else from how the file begins. */
  readonly format?: DataFormat | undefined;
  /** Whether plain text is documents that blank lines divide (pre-training) instead of a text a line. */
  readonly hasDocuments?: boolean;
  /** Whose files are read where the path is a folder (dataFolder.ts). Default: train. */
  readonly split?: DataSplit | undefined;
  /** Of a folder: which of the data sets that its card names. */
  readonly config?: string | undefined;
  /** Of a file that is one JSON value, read the first entries only, as many as lie in its first MiB. */
  readonly onlyBeginning?: boolean;
};

export type DataFileSource = RowSource & { readonly format: DataFormat };

const extensions: { readonly [extension: string]: DataFormat } = {
  jsonl: "jsonl",
  ndjson: "jsonl",
  json: "json",
  csv: "csv",
  tsv: "tsv",
  parquet: "parquet",
  txt: "text",
  text: "text",
};

/** Extensions that say what format a file has; ".gz" may follow each. */
export const dataExtensions: readonly string[] = Object.keys(extensions).map((extension) => `.${extension}`);

/**
 * Gzip and Parquet are known by their first bytes, whatever the name. Only its beginning is read here.
 *
 * @throws DataError when it cannot be read, is empty, or its format cannot be told
 */
export async function openDataFile(path: string, options: DataFileOptions = {}): Promise<DataFileSource> {
  if (await isFolder(path)) return openDataFolder(path, options);
  const { format: given, hasDocuments = false, config, onlyBeginning = false, ...rest } = options;
  const name = options.name ?? path;
  if (config !== undefined) {
    const message = `expected the folder of a data set with the configuration "${config}", got a file`;
    throw new DataError("data_format", message, { file: name });
  }
  const file = { ...rest, name };
  const format = await formatOf(path, given, file);
  const read: { readonly [each in DataFormat]: RowSource["read"] } = {
    jsonl: (bad) => jsonLineRows(path, { ...file, bad }),
    json: (bad) => jsonFileRows(path, { ...file, bad, onlyBeginning }),
    csv: (bad) => csvRows(path, ",", { ...file, bad }),
    tsv: (bad) => csvRows(path, "\t", { ...file, bad }),
    async *parquet() {
      const { parquetRows } = await import("./parquetRows.ts");
      yield* parquetRows(path, file);
    },
    text: () => (hasDocuments ? documentRows(path, { ...file, column: "paragraphs" }) : textRows(path, file)),
    sentences: () => documentRows(path, { ...file, column: "sentences" }),
  };
  return { name, format, isTyped: format !== "csv" && format !== "tsv", read: read[format] };
}

/** What people put beside data, by its name. */
const isText = /^(readme|license)|\.(md|py|zip)$/i;

/** The files of a split one after another; what is read of all of them counts as progress. */
async function openDataFolder(folder: string, options: DataFileOptions): Promise<DataFileSource> {
  const { split = "train", name = folder, onProgress, config, ...rest } = options;
  const { format } = options;
  const isData = (each: string) => {
    const known = formatOfName(each);
    return format === undefined ? known !== undefined : known === format || (known === undefined && !isText.test(each));
  };
  const paths = await filesOfSplit(folder, split, { isData, config });
  const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size));
  const bytesTotal = sizes.reduce((sum, size) => sum + size, 0);
  const sources: DataFileSource[] = [];
  let bytesBefore = 0;
  for (const [index, path] of paths.entries()) {
    const before = bytesBefore;
    const own = {
      name: join(name, relative(folder, path)),
      onProgress: (read: ReadProgress) => onProgress?.({ file: name, bytesRead: before + read.bytesRead, bytesTotal }),
    };
    sources.push(await openDataFile(path, { ...rest, ...own }));
    bytesBefore += sizes[index]!;
  }
  return {
    name,
    format: sources[0]!.format,
    isTyped: sources.every(({ isTyped }) => isTyped),
    async *read(bad) {
      for (const source of sources) yield* source.read(bad);
    },
  };
}

/** @throws DataError where the file is empty, is a Parquet file although another format was asked for, or cannot be told */
async function formatOf(
  path: string,
  given: DataFormat | undefined,
  options: FileBytesOptions & { readonly name: string },
): Promise<DataFormat> {
  const { name } = options;
  if (await isParquet(path)) {
    if (given === undefined || given === "parquet") return "parquet";
    throw new DataError("data_format", `expected a file of ${given}, got a Parquet file`, { file: name });
  }
  const start = await beginningOf(path, options);
  if (start === undefined) throw new DataError("data_empty", "expected examples, got an empty file", { file: name });
  return given ?? guessFormat(name, start);
}

/** The first portion of text that is not blank. */
async function beginningOf(path: string, options: FileBytesOptions): Promise<string | undefined> {
  const quiet = { ...options, onProgress: undefined };
  for await (const bytes of fileBytes(path, quiet)) {
    const text = bytes.toString().trimStart();
    if (text !== "") return text;
  }
  return undefined;
}

/** What a file's name says of its format; undefined where it says nothing that is known. */
export function formatOfName(name: string): DataFormat | undefined {
  const extension = extensionOf(name);
  return extension === undefined ? undefined : extensions[extension];
}

function extensionOf(name: string): string | undefined {
  return /\.([^.]+)$/.exec(basename(name).toLowerCase().replace(/\.gz$/, ""))?.[1];
}

function guessFormat(name: string, start: string): DataFormat {
  const known = formatOfName(name);
  if (known !== undefined) return known;
  const extension = extensionOf(name);
  if (start.startsWith("{")) return "jsonl";
  const message = `expected the extension ${Object.keys(extensions).join(", ")} (or .gz after it), got ${
    extension === undefined ? "none" : `"${extension}"`
  } (say the format: ${dataFormats.join(", ")})`;
  throw new DataError("data_format", message, { file: name });
}
