/**
 * @file The cache folder that Python's huggingface_hub and we share.
 *
 * Layout (huggingface_hub 2.4.0, file_download.py): `models--org--name/blobs/<hash>`, `snapshots/<commit>/<path>` as
 * relative links to blobs, `refs/<revision>` with the commit. Ours alone, ignored by Python:
 * `models--org--name/.stagecoach/<commit>.json`, the record of a snapshot that is complete for us, in the format of
 * Python's `trees/<commit>.json`. That file itself is read, not written: it would tell Python that all files of the
 * repository should be here.
 */
import { randomUUID } from "node:crypto";
import { constants, copyFile, mkdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { isSystemError } from "../isSystemError.ts";
import { singleFileName } from "../openSafetensors.ts";
import { HubError } from "./errors.ts";
import { missingModelFiles, selectModelFiles, selectShards } from "./modelFiles.ts";
import { isCommit } from "./modelId.ts";
import type { HubFile } from "./hubRevision.ts";

/** `complete`: nothing is missing; `plausible`: nothing that we know of, but nobody recorded what there should be. */
export type SnapshotState = "complete" | "plausible" | "incomplete";

export type CachedSnapshot = {
  readonly commit: string;
  readonly folder: string;
  readonly state: SnapshotState;
  readonly missing: readonly string[];
};

export class HubCache {
  readonly #id: string;
  readonly #root: string;
  readonly #repository: string;

  constructor(cacheFolder: string, id: string) {
    this.#id = id;
    this.#root = cacheFolder;
    this.#repository = `models--${id.replaceAll("/", "--")}`;
  }

  get blobFolder(): string {
    return join(this.#root, this.#repository, "blobs");
  }

  blobPath(hash: string): string {
    return join(this.blobFolder, hash);
  }

  /** Beside Python's locks, under a name of our own: Python locks with flock, which Node cannot. */
  lockPath(hash: string): string {
    return join(this.#root, ".locks", this.#repository, `${hash}.stagecoach.lock`);
  }

  snapshotFolder(commit: string): string {
    return join(this.#root, this.#repository, "snapshots", commit);
  }

  /** The snapshot of a revision (commit, branch or tag), if there is one. */
  async find(revision: string): Promise<CachedSnapshot | undefined> {
    const ref = isCommit(revision) ? revision : await readIfThere(join(this.#root, this.#repository, "refs", revision));
    const commit = ref?.trim() ?? "";
    if (!isCommit(commit) || !(await exists(this.snapshotFolder(commit)))) return undefined;
    const folder = this.snapshotFolder(commit);
    const recorded = await this.#missingFromRecord(commit);
    if (recorded) return { commit, folder, state: recorded.length > 0 ? "incomplete" : "complete", missing: recorded };
    const missing = await missingModelFiles(folder, { tokenizer: true, weights: true });
    return { commit, folder, state: missing.length > 0 ? "incomplete" : "plausible", missing };
  }

  /** Whether the blob is here with its full size. */
  async hasBlob(file: HubFile): Promise<boolean> {
    try {
      return (await stat(this.blobPath(file.hash))).size === file.size;
    } catch (error) {
      if (isSystemError(error, "ENOENT")) return false;
      throw error;
    }
  }

  /** Make a snapshot of blobs that are all here: first the links, then the record, last the name of the revision. */
  async publish(snapshot: {
    readonly commit: string;
    readonly revision: string;
    readonly files: readonly HubFile[];
  }): Promise<string> {
    const { commit, revision, files } = snapshot;
    const folder = this.snapshotFolder(commit);
    let isChanged = false;
    for (const file of files) {
      isChanged = (await link(this.blobPath(file.hash), join(folder, file.path), file.size)) || isChanged;
    }
    try {
      await replaceFile(this.#recordPath(commit), recordText(files));
      const refPath = join(this.#root, this.#repository, "refs", revision);
      if (revision !== commit && (await readIfThere(refPath)) !== commit) await replaceFile(refPath, commit);
    } catch (error) {
      // A cache that is mounted read-only and has all files serves; only the next run asks the hub again.
      if (isChanged || !isSystemError(error, "EACCES", "EPERM", "EROFS")) throw error;
    }
    return folder;
  }

  #recordPath(commit: string): string {
    return join(this.#root, this.#repository, ".stagecoach", `${commit}.json`);
  }

  /** Paths that should be in the snapshot and are not, when our record or Python's listing says what should be. */
  async #missingFromRecord(commit: string): Promise<readonly string[] | undefined> {
    const folder = this.snapshotFolder(commit);
    const own = recordedSizes(await readIfThere(this.#recordPath(commit)));
    if (own) return missingOf(folder, own, [...own.keys()]);
    const tree = recordedSizes(await readIfThere(join(this.#root, this.#repository, "trees", `${commit}.json`)));
    if (!tree) return undefined;
    return this.#missingFromTree(folder, tree);
  }

  async #missingFromTree(folder: string, tree: ReadonlyMap<string, number>): Promise<readonly string[]> {
    const paths = [...tree.keys()];
    try {
      const { files, index } = selectModelFiles(paths, this.#id);
      const missing = await missingOf(folder, tree, files);
      if (missing.length > 0 || index === undefined) return missing;
      const shards = selectShards(await readFile(join(folder, index), "utf8"), paths, this.#id);
      return await missingOf(folder, tree, shards);
    } catch (error) {
      // Not a model for us at this commit; the branch may have moved on, so this is not the last word.
      if (error instanceof HubError) return [singleFileName];
      throw error;
    }
  }
}

async function missingOf(folder: string, sizes: ReadonlyMap<string, number>, paths: readonly string[]) {
  const isThere = await Promise.all(paths.map((path) => hasSize(join(folder, path), sizes.get(path))));
  return paths.filter((_, i) => !isThere[i]);
}

function recordText(files: readonly HubFile[]): string {
  const entries = files.map(({ path, size, hash }) => [path, { size, hash }] as const);
  return JSON.stringify({ format_version: 1, files: Object.fromEntries(entries) }, undefined, 1);
}

/** Size by path; undefined when there is no record or not one that we can read, which only means to ask the hub. */
function recordedSizes(text: string | undefined): ReadonlyMap<string, number> | undefined {
  if (text === undefined) return undefined;
  try {
    const record = JSON.parse(text) as { format_version?: unknown; files?: Record<string, { size?: unknown }> };
    if (record.format_version !== 1 || !record.files) return undefined;
    const sizes = Object.entries(record.files).map(([path, { size }]) => [path, size] as const);
    return sizes.every((entry): entry is [string, number] => typeof entry[1] === "number") ? new Map(sizes) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}

/**
 * A relative link, as Python makes it, so that the cache may be moved; a copy where links cannot be made. Says whether
 * it was needed.
 */
async function link(blobPath: string, path: string, size: number): Promise<boolean> {
  if (await hasSize(path, size)) return false;
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await symlink(relative(dirname(path), blobPath), temporary);
  } catch (error) {
    if (!isSystemError(error, "EPERM", "EACCES", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EINVAL")) throw error;
    await copyFile(blobPath, temporary, constants.COPYFILE_FICLONE);
  }
  await rename(temporary, path);
  return true;
}

async function replaceFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await writeFile(temporary, text, { flush: true });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function hasSize(path: string, size: number | undefined): Promise<boolean> {
  try {
    return (await stat(path)).size === size;
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ENOTDIR")) return false;
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ENOTDIR")) return false;
    throw error;
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ENOTDIR", "EISDIR")) return undefined;
    throw error;
  }
}
