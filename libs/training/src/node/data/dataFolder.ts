/**
 * @file A folder as Hugging Face's hub keeps a data set: the files of its splits, as its card names them, or else by their names.
 *
 * As datasets 5.2 finds them where a card says nothing: shards `train-00000-of-00002.parquet` belong to the split before the dash;
 * of other names, a word of the folder, or else of the file, says the split. Where no name says any, all files are for training.
 */
import { readdir, stat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { DataError } from "../../data/dataError.ts";
import { dataConfigOf, isOfPatterns, type DataConfig } from "./dataCard.ts";

export const dataSplits = ["train", "validation", "test"] as const;
export type DataSplit = (typeof dataSplits)[number];

/** Words that name a split (datasets, data_files.py). */
const words: Readonly<Record<DataSplit, readonly string[]>> = {
  train: ["train", "training"],
  validation: ["validation", "valid", "dev", "val"],
  test: ["test", "testing", "eval", "evaluation"],
};
const shard = /^(\w+)-\d{5}-of-\d{5}\.[^/]+$/;
/** What describes a data set (datasets, FILES_TO_IGNORE). */
const described = ["config.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json"];

export async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch((error: unknown) => {
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  });
  return found?.isDirectory() === true;
}

export type DataFolderOptions = {
  /** Whether a file's name is that of a data file. */
  readonly isData: (name: string) => boolean;
  /** Name of one of the configurations in the data set's card. */
  readonly config?: string | undefined;
};

/**
 * @returns paths, in the order of their names
 * @throws DataError where the split has no files, or files in several folders or of several kinds, and as `dataConfigOf`
 */
export async function filesOfSplit(
  folder: string,
  split: DataSplit,
  { isData, config: asked }: DataFolderOptions,
): Promise<string[]> {
  const config = await dataConfigOf(folder, asked);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    // Links too: in the cache of the hub's clients every file is one.
    .filter((entry) => !entry.isDirectory() && isData(entry.name) && !described.includes(entry.name))
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)))
    .filter((path) => !path.split(sep).some((part) => part.startsWith(".")))
    .toSorted();
  const splits = config?.patterns == null ? splitsByName(files, config) : splitsByCard(files, config, split);
  const found = files.filter((path) => splits.get(path) === split);
  const wrong = (expected: string, got: string, remedy: string) =>
    new DataError("data_format", `expected ${expected}, got ${got} (${remedy})`, { file: folder });
  if (found.length === 0) {
    const got =
      files.length === 0
        ? "no data files"
        : (config?.patterns == null ? [...new Set(splits.values())] : [...config.patterns.keys()])
            .filter((each) => each !== undefined)
            .join(", ");
    throw wrong(`files of the split "${split}"`, got, "name a file instead of the folder");
  }
  const parents = [...new Set(found.map((path) => dirname(path)))];
  // What a card names may be anywhere.
  if (parents.length > 1 && config?.patterns == null)
    throw wrong(
      "the files of one data set",
      `folders ${parents.join(", ")}`,
      `name one of them: ${join(folder, parents[0]!)}`,
    );
  const kinds = [...new Set(found.map((path) => /\.\w+(\.gz)?$/.exec(path)?.[0] ?? "no extension"))];
  if (kinds.length > 1) throw wrong("files of one kind", kinds.join(", "), "name a file instead of the folder");
  return found.map((path) => join(folder, path));
}

/** Of the files of a configuration, or of all; undefined where a name says none, although others do. */
function splitsByName(files: readonly string[], config: DataConfig | null): Map<string, string | undefined> {
  const own = config === null || config.folder === "" ? files : files.filter((path) => isIn(path, config.folder));
  const named = new Map(own.map((path) => [path, splitOf(relative(config?.folder ?? "", path))]));
  const saysNothing = [...named.values()].every((each) => each === undefined);
  return saysNothing ? new Map(own.map((path) => [path, "train"])) : named;
}

const isIn = (path: string, folder: string) => path.startsWith(`${folder.split("/").join(sep)}${sep}`);

/** A split that the card calls by another of its words is that split all the same. */
function splitsByCard(files: readonly string[], config: DataConfig, split: DataSplit): Map<string, string> {
  const { patterns } = config;
  const name = [split, ...words[split]].find((each) => patterns!.has(each));
  const own = name === undefined ? [] : files.filter((path) => isOfPatterns(config, patterns!.get(name)!, path));
  return new Map(own.map((path) => [path, split]));
}

/** undefined: the names say nothing. */
function splitOf(path: string): string | undefined {
  const parts = path.split(sep);
  const sharded = shard.exec(parts.at(-1)!);
  if (sharded !== null) return sharded[1]!;
  return splitNamedIn(parts.slice(0, -1).join("/")) ?? splitNamedIn(parts.at(-1)!);
}

function splitNamedIn(text: string): DataSplit | undefined {
  const found = text.toLowerCase().split(/[^a-z]+/);
  return dataSplits.find((split) => words[split].some((word) => found.includes(word)));
}
