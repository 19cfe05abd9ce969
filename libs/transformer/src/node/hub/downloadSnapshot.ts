/**
 * @file All files of a model from the hub into the cache: planned, several at a time, and visible only when all are
 * there.
 */
import { mkdir, readFile, stat, statfs } from "node:fs/promises";
import { isSystemError } from "../isSystemError.ts";
import { downloadBlob, partPathOf } from "./downloadBlob.ts";
import { HubError } from "./errors.ts";
import { withFileLock } from "./withFileLock.ts";
import type { HubCache } from "./hubCache.ts";
import { hubRevision } from "./hubRevision.ts";
import type { HubFile, HubRevision } from "./hubRevision.ts";
import type { HubClient } from "./hubRequest.ts";
import { selectModelFiles, selectShards } from "./modelFiles.ts";

/** `waiting`: someone else downloads the file; `cached`: it was here, or someone else has brought it. */
export type DownloadState = "waiting" | "downloading" | "done" | "cached";

export type DownloadProgress = {
  /** The file that this report is about. */
  readonly file: string;
  readonly state: DownloadState;
  /** Of all files together; may become smaller when a file begins again. */
  readonly bytes: number;
  readonly totalBytes: number;
  /** Files that are here. */
  readonly files: number;
  readonly totalFiles: number;
};

export type SnapshotDownload = {
  readonly client: HubClient;
  readonly cache: HubCache;
  readonly onProgress: ((progress: DownloadProgress) => void) | undefined;
};

export type DownloadedSnapshot = { readonly folder: string; readonly commit: string; readonly isDownloaded: boolean };

const parallelFiles = 4;

/**
 * Bring the cache to what the hub has for `client.revision`.
 *
 * @returns `isDownloaded`: whether any file had to be fetched
 * @throws HubError, or the reason of `client.signal`
 */
export async function downloadSnapshot(download: SnapshotDownload): Promise<DownloadedSnapshot> {
  const { client, cache } = download;
  const revision = await hubRevision(client);
  try {
    const index = await fetchIndex(download, revision);
    const files = chosenFiles(client, revision, index);
    const isDownloaded = await fetchFiles(download, { commit: revision.commit, files });
    const folder = await cache.publish({ commit: revision.commit, revision: client.revision, files });
    return { folder, commit: revision.commit, isDownloaded: isDownloaded || index?.isDownloaded === true };
  } catch (error) {
    throw explained(error, cache);
  }
}

type Index = { readonly text: string; readonly isDownloaded: boolean };

/** The index comes first, since it says which shards there are. */
async function fetchIndex(download: SnapshotDownload, revision: HubRevision): Promise<Index | undefined> {
  const { client, cache } = download;
  const { index } = selectModelFiles(pathsOf(revision), client.id);
  const file = revision.files.find(({ path }) => path === index);
  if (!file) return undefined;
  const quiet = { ...download, onProgress: undefined };
  const isDownloaded = await fetchFiles(quiet, { commit: revision.commit, files: [file] });
  return { text: await readFile(cache.blobPath(file.hash), "utf8"), isDownloaded };
}

function chosenFiles(client: HubClient, revision: HubRevision, index: Index | undefined): readonly HubFile[] {
  const paths = pathsOf(revision);
  const { files } = selectModelFiles(paths, client.id);
  const chosen = new Set([...files, ...(index ? selectShards(index.text, paths, client.id) : [])]);
  return revision.files.filter(({ path }) => chosen.has(path));
}

function pathsOf(revision: HubRevision): readonly string[] {
  return revision.files.map(({ path }) => path);
}

type Job = { readonly commit: string; readonly files: readonly HubFile[] };

/** Fetch what is missing. The first failure stops the others. */
async function fetchFiles(download: SnapshotDownload, job: Job): Promise<boolean> {
  const { client, cache } = download;
  const isHere = await Promise.all(job.files.map((file) => cache.hasBlob(file)));
  const missing = job.files.filter((_, i) => !isHere[i]);
  const progress = new Progress(job.files, download.onProgress);
  for (const file of job.files) if (!missing.includes(file)) progress.report(file, "cached", file.size);
  if (missing.length === 0) return false;
  await checkSpace(cache, missing);

  const failure = new AbortController();
  const signal = client.signal ? AbortSignal.any([client.signal, failure.signal]) : failure.signal;
  const fetching = { download: { ...download, client: { ...client, signal } }, commit: job.commit, progress };
  const queue = missing.values();
  const workers = Array.from({ length: parallelFiles }, async () => {
    for (const file of queue) await fetchFile(fetching, file);
  });
  const guarded = workers.map((worker) =>
    worker.catch((error: unknown) => {
      if (!failure.signal.aborted) failure.abort(error);
    }),
  );
  await Promise.all(guarded);
  failure.signal.throwIfAborted();
  return true;
}

type Fetching = { readonly download: SnapshotDownload; readonly commit: string; readonly progress: Progress };

async function fetchFile({ download, commit, progress }: Fetching, file: HubFile): Promise<void> {
  const { client, cache } = download;
  const blobPath = cache.blobPath(file.hash);
  const onWait = () => progress.report(file, "waiting", 0);
  await withFileLock(cache.lockPath(file.hash), { signal: client.signal, onWait }, async () => {
    if (await cache.hasBlob(file)) return progress.report(file, "cached", file.size);
    const onBytes = (bytes: number) => progress.report(file, "downloading", bytes);
    await downloadBlob({ client, commit, file, blobPath, onBytes });
    progress.report(file, "done", file.size);
  });
}

/** Adds up what the files report. */
class Progress {
  readonly #bytesOf = new Map<HubFile, number>();
  readonly #finished = new Set<HubFile>();
  readonly #totalBytes: number;
  readonly #totalFiles: number;
  readonly #onProgress: ((progress: DownloadProgress) => void) | undefined;
  #bytes = 0;

  constructor(files: readonly HubFile[], onProgress: ((progress: DownloadProgress) => void) | undefined) {
    this.#totalBytes = files.reduce((sum, { size }) => sum + size, 0);
    this.#totalFiles = files.length;
    this.#onProgress = onProgress;
  }

  report(file: HubFile, state: DownloadState, bytes: number): void {
    this.#bytes += bytes - (this.#bytesOf.get(file) ?? 0);
    this.#bytesOf.set(file, bytes);
    if (state === "done" || state === "cached") this.#finished.add(file);
    this.#onProgress?.({
      file: file.path,
      state,
      bytes: this.#bytes,
      totalBytes: this.#totalBytes,
      files: this.#finished.size,
      totalFiles: this.#totalFiles,
    });
  }
}

async function checkSpace(cache: HubCache, files: readonly HubFile[]): Promise<void> {
  await mkdir(cache.blobFolder, { recursive: true });
  const parts = await Promise.all(files.map(({ hash }) => diskBytes(partPathOf(cache.blobPath(hash)))));
  const needed = files.reduce((sum, { size }) => sum + size, 0) - parts.reduce((sum, bytes) => sum + bytes, 0);
  const { bavail, bsize } = await statfs(cache.blobFolder);
  if (needed <= bavail * bsize) return;
  throw new HubError({
    code: "disk_full",
    message:
      `${cache.blobFolder}: expected ${megabytes(needed)} of free space, got ${megabytes(bavail * bsize)} ` +
      `(make room, or set HF_HUB_CACHE to a folder on another disk)`,
  });
}

async function diskBytes(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return 0;
    throw error;
  }
}

function explained(error: unknown, cache: HubCache): unknown {
  const where = `${cache.blobFolder}: expected a folder that can be written to, got`;
  if (isSystemError(error, "ENOSPC", "EDQUOT")) {
    const message = `${where} ${error.code} (make room, or set HF_HUB_CACHE to a folder on another disk)`;
    return new HubError({ code: "disk_full", message }, { cause: error });
  }
  if (isSystemError(error, "EACCES", "EPERM", "EROFS")) {
    const message = `${where} ${error.code} (set HF_HUB_CACHE to a folder of your own)`;
    return new HubError({ code: "cache_not_writable", message }, { cause: error });
  }
  return error;
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}
