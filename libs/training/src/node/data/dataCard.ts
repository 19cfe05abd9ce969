/**
 * @file What the card of a data set (README.md) says of its files: its configurations, and which files are whose split, as Hugging
 * Face's datasets reads it (docs "Structure your repository", `configs` of the YAML front matter).
 */
import { isSystemError } from "@stagecoach/transformer/node";
import { readFile } from "node:fs/promises";
import { join, matchesGlob, posix, sep } from "node:path";
import { DataError } from "../../data/dataError.ts";

/** One of the data sets that a folder has. */
export type DataConfig = {
  readonly name: string;
  readonly isDefault: boolean;
  /** Where its files are, with slashes; "" for the folder itself. */
  readonly folder: string;
  /** Patterns of the files of each split, as they stand in the card; null where their names say the split. */
  readonly patterns: ReadonlyMap<string, readonly string[]> | null;
};

const CARD = "README.md";

/** Empty where there is no card, or none that says something of files. @throws DataError for a card that is malformed */
export async function readDataConfigs(folder: string): Promise<readonly DataConfig[]> {
  const path = join(folder, CARD);
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (isSystemError(error, "ENOENT")) return "";
    throw error;
  });
  const [, front] = /^---\r?\n(.*?)\r?\n---/s.exec(text) ?? [];
  if (front === undefined) return [];
  const wrong = (expected: string, got: string) =>
    new DataError("data_format", `expected ${expected}, got ${got}`, { file: path });
  const configs = ((await parsed(front, wrong)) as { readonly configs?: unknown } | null)?.configs ?? [];
  if (!Array.isArray(configs)) throw wrong("a list of `configs`", JSON.stringify(configs));
  return configs.map((config: unknown) => configOf(config, wrong));
}

type Wrong = (expected: string, got: string) => DataError;

/** The parser is loaded when a card has something to parse: most processes never see one. */
async function parsed(front: string, wrong: Wrong): Promise<unknown> {
  const { parse, YAMLParseError } = await import("yaml");
  try {
    return parse(front);
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    throw wrong("YAML between the lines of dashes", error.message);
  }
}

function configOf(given: unknown, wrong: Wrong): DataConfig {
  const {
    config_name: name,
    data_files: files,
    data_dir: folder = "",
    default: isDefault = false,
  } = (given ?? {}) as {
    readonly [field: string]: unknown;
  };
  if (typeof name !== "string") throw wrong("`config_name` of each of the `configs`", JSON.stringify(given));
  if (typeof folder !== "string") throw wrong("a path as `data_dir`", JSON.stringify(folder));
  const patterns = files === undefined ? null : patternsOf(files, wrong);
  return {
    name,
    isDefault: isDefault === true || name === "default",
    folder: posix.normalize(folder).replace(/\/+$/, "").replace(/^\.$/, ""),
    patterns,
  };
}

/** A pattern, patterns, or a list of `{split, path}`. */
function patternsOf(files: unknown, wrong: Wrong): ReadonlyMap<string, readonly string[]> {
  if (typeof files === "string") return new Map([["train", [files]]]);
  if (isOfTexts(files)) return new Map([["train", files]]);
  const entries: readonly ({ readonly split?: unknown; readonly path?: unknown } | null)[] = Array.isArray(files)
    ? files
    : [null];
  const patterns = new Map(
    entries.map((entry) => {
      const { split, path } = entry ?? {};
      const paths = typeof path === "string" ? [path] : path;
      if (typeof split === "string" && isOfTexts(paths)) return [split, paths];
      throw wrong("`data_files` as paths, or with a `split` and a `path` each", JSON.stringify(files));
    }),
  );
  if (patterns.size < entries.length) throw wrong("each split once in `data_files`", JSON.stringify(files));
  return patterns;
}

const isOfTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((each) => typeof each === "string");

/**
 * The configuration of this name; without one the only one, or that which is the default.
 *
 * @returns null where the folder has none
 * @throws DataError that lists them
 */
export async function dataConfigOf(folder: string, name: string | undefined): Promise<DataConfig | null> {
  const configs = await readDataConfigs(folder);
  const known = configs.map((each) => each.name).join(", ");
  const wrong = (got: string) =>
    new DataError(
      "data_format",
      `expected the name of one of its configurations (${known || "it has none"}), got ${got}`,
      {
        file: folder,
      },
    );
  const found =
    name === undefined
      ? configs.length === 1
        ? configs[0]
        : configs.find(({ isDefault }) => isDefault)
      : configs.find((each) => each.name === name);
  if (found !== undefined) return found;
  if (name !== undefined) throw wrong(`"${name}"`);
  if (configs.length > 1) throw wrong("none (name it with --data-config)");
  return null;
}

/** Whether a file is one of a split's. @param path - in the data set's folder */
export function isOfPatterns({ folder }: DataConfig, patterns: readonly string[], path: string): boolean {
  const name = path.split(sep).join("/");
  return patterns.some((pattern) => matchesGlob(name, posix.join(folder, pattern)));
}
