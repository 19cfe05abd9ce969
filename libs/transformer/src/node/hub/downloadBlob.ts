/**
 * @file One file from the hub into the cache: resumed where it was cut, and checked against its hash before it is
 * there.
 *
 * Bytes go to `blobs/<hash>.stagecoach.incomplete` (a name that Python's client does not write to) and are hashed as
 * they arrive; a part that is there already is hashed from the disk. Writes are positioned and a part is never cut
 * short in place, so that two processes that both believe to have the lock write the same bytes to the same places.
 */
import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { isSystemError } from "../isSystemError.ts";
import { syncFolder } from "../syncFolder.ts";
import { HubError, TransientError } from "./errors.ts";
import { discard, hubRequest, IdleTimeout, joined, Retries, transient } from "./hubRequest.ts";
import type { HubClient } from "./hubRequest.ts";
import type { HubFile } from "./hubRevision.ts";

export type BlobDownload = {
  readonly client: HubClient;
  readonly commit: string;
  readonly file: HubFile;
  /** Where the blob goes; its folder need not exist. */
  readonly blobPath: string;
  /** Bytes of the file that are here now; smaller than before when the download begins again. */
  readonly onBytes: (bytes: number) => void;
};

/** Ends with the bytes of `file` at `blobPath`, or throws and keeps what has arrived for the next time. */
export async function downloadBlob(download: BlobDownload): Promise<void> {
  const { client, file, blobPath } = download;
  await mkdir(dirname(blobPath), { recursive: true });
  const partPath = partPathOf(blobPath);
  for (let round = 1; ; round++) {
    try {
      await using part = await Part.open(partPath, file, client.signal);
      await complete(part, download);
      break;
    } catch (error) {
      if (!(error instanceof CorruptError)) throw error;
      await rm(partPath, { force: true });
      download.onBytes(0);
      if (round === 2) throw corrupt(download, error);
    }
  }
  await putInPlace(partPath, download);
}

export function partPathOf(blobPath: string): string {
  return `${blobPath}.stagecoach.incomplete`;
}

async function putInPlace(partPath: string, { blobPath, file }: BlobDownload): Promise<void> {
  try {
    await rename(partPath, blobPath);
  } catch (error) {
    // Someone who held the lock as stale had the same part open, and was first.
    if (!isSystemError(error, "ENOENT") || (await sizeOf(blobPath)) !== file.size) throw error;
  }
  await syncFolder(dirname(blobPath));
}

/** The bytes are not those that the hub announced. */
class CorruptError extends Error {
  override readonly name = "CorruptError";
}

/** A file that grows, with the hash of what is in it. */
class Part implements AsyncDisposable {
  readonly file: HubFile;
  readonly #path: string;
  #handle: FileHandle;
  #hash: Hash;
  length = 0;

  private constructor(path: string, file: HubFile, handle: FileHandle) {
    this.#path = path;
    this.file = file;
    this.#handle = handle;
    this.#hash = newHash(file);
  }

  /** Go on with the part that is there; one that is too long is thrown away. */
  static async open(path: string, file: HubFile, signal: AbortSignal | undefined): Promise<Part> {
    const length = await sizeOf(path);
    if (length > file.size) await rm(path);
    const part = new Part(path, file, await openPart(path));
    try {
      if (length > 0 && length <= file.size) await part.#hashStored(length, signal);
      return part;
    } catch (error) {
      await part[Symbol.asyncDispose]();
      throw error;
    }
  }

  async append(chunk: Uint8Array): Promise<void> {
    if (this.length + chunk.length > this.file.size) throw new CorruptError(`more than ${this.file.size} bytes`);
    for (let done = 0; done < chunk.length;) {
      const { bytesWritten } = await this.#handle.write(chunk, done, chunk.length - done, this.length + done);
      done += bytesWritten;
    }
    this.#hash.update(chunk);
    this.length += chunk.length;
  }

  /** Begin again, in a new file. */
  async restart(): Promise<void> {
    await this.#handle.close();
    await rm(this.#path, { force: true });
    this.#handle = await openPart(this.#path);
    this.#hash = newHash(this.file);
    this.length = 0;
  }

  /** Check the hash and flush. */
  async finish(): Promise<void> {
    const found = this.#hash.digest("hex");
    if (found !== this.file.hash) throw new CorruptError(`bytes with the hash ${found}`);
    await this.#handle.sync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }

  async #hashStored(length: number, signal: AbortSignal | undefined): Promise<void> {
    const options = { end: length - 1, highWaterMark: 1 << 20, ...(signal ? { signal } : {}) };
    for await (const chunk of createReadStream(this.#path, options)) {
      this.#hash.update(chunk as Uint8Array);
      this.length += (chunk as Uint8Array).length;
    }
  }
}

/** Fetch until the part has its full size. Tries count only while the part does not grow beyond what it had. */
async function complete(part: Part, download: BlobDownload): Promise<void> {
  const { client, file, onBytes } = download;
  const retries = new Retries(client, client.limits.attempts);
  let longest = part.length;
  onBytes(part.length);
  while (part.length < file.size) {
    try {
      await fetchInto(part, download);
    } catch (error) {
      if (part.length > longest) retries.reset();
      longest = Math.max(longest, part.length);
      await retries.wait(error);
    }
  }
  await part.finish();
}

async function fetchInto(part: Part, download: BlobDownload): Promise<void> {
  const { client, onBytes } = download;
  using idle = new IdleTimeout(client.limits.idleTimeoutMs);
  const headers: Record<string, string> = part.length > 0 ? { range: `bytes=${part.length}-` } : {};
  const response = await hubRequest(client, addressOf(download), { headers, signal: joined(client, idle) });
  if (!response.body) throw new TransientError("an answer without a body", { status: response.status });
  try {
    await startAt(part, response);
    onBytes(part.length);
    await receive(part, response.body, { client, idle, onBytes });
  } catch (error) {
    if (!response.body.locked) await discard(response);
    throw error;
  }
  if (part.length < part.file.size)
    throw new TransientError(`a connection that was cut after ${part.length} of ${part.file.size} bytes`);
}

type Receiver = { readonly client: HubClient; readonly idle: IdleTimeout; readonly onBytes: (bytes: number) => void };

/** Read by hand, so that a fault of the disk is not taken for one of the network. */
async function receive(part: Part, body: ReadableStream<Uint8Array>, receiver: Receiver): Promise<void> {
  const { client, idle, onBytes } = receiver;
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await transient(client, () => reader.read());
      if (done) return;
      idle.touch();
      await part.append(value);
      onBytes(part.length);
    }
  } catch (error) {
    await reader.cancel().catch(() => undefined); // The stream may have failed already; `error` says how.
    throw error;
  }
}

/** Bring the part to where the answer begins; refuse an answer about a file of another size. */
async function startAt(part: Part, response: Response): Promise<void> {
  const { size } = part.file;
  if (response.status === 416) throw new CorruptError(`a file that ends before byte ${part.length}`);
  if (response.status !== 206) {
    const length = response.headers.get("content-length");
    const isPlain = !response.headers.has("content-encoding");
    if (isPlain && length !== null && Number(length) !== size) throw new CorruptError(`a file of ${length} bytes`);
    if (part.length > 0) await part.restart();
    return;
  }
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "");
  const [begin, total] = [range?.[1], range?.[2]];
  if (total !== undefined && total !== "*" && Number(total) !== size)
    throw new CorruptError(`a file of ${total} bytes`);
  if (begin === undefined || Number(begin) !== part.length) {
    const expected = part.length;
    await part.restart();
    throw new TransientError(`another range than from byte ${expected} on`, { status: 206 });
  }
}

function addressOf({ client, commit, file }: BlobDownload): string {
  const path = file.path.split("/").map(encodeURIComponent).join("/");
  return `${client.settings.endpoint}/${client.id}/resolve/${commit}/${path}`;
}

/** Git hashes a file together with its size; LFS does not. */
function newHash({ hash, size }: HubFile): Hash {
  return hash.length === 64 ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`);
}

async function openPart(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r+");
  } catch (error) {
    if (!isSystemError(error, "ENOENT")) throw error;
    return open(path, "wx+");
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return 0;
    throw error;
  }
}

function corrupt({ client, file }: BlobDownload, cause: CorruptError): HubError {
  return new HubError(
    {
      code: "download_corrupt",
      message:
        `${client.id}/${file.path}: expected ${file.size} bytes with the hash ${file.hash}, got ${cause.message}, twice ` +
        `(a proxy or mirror changes the file: try another network or HF_ENDPOINT)`,
    },
    { cause },
  );
}
