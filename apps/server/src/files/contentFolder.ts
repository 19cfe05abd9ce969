/**
 * @file Contents of files, each under its own SHA-256: what two files have in common is kept once.
 *
 * Written under a temporary name, flushed, renamed, and the folder flushed: after a crash a content is there as a whole or
 * not at all. What is left under temporary names is swept away at the next start.
 */
import { isDiskFull, syncFolder } from "@stagecoach/transformer/node";
import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, readdir, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { RefusedError } from "../jobs/errors.ts";

/** A content that was received and is not kept yet. */
export type ReceivedContent = { readonly temporaryPath: string; readonly sha256: string; readonly bytes: number };

export class ContentFolder {
  readonly #folder: string;
  readonly #incoming: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.#incoming = join(folder, "incoming");
  }

  /** Make the folder, and remove what a crash has left: half-received contents, and those that no file has. */
  async prepare(wanted: ReadonlySet<string>): Promise<void> {
    await rm(this.#incoming, { recursive: true, force: true });
    await mkdir(this.#incoming, { recursive: true });
    for (const prefix of (await readdir(this.#folder)).filter((name) => /^[0-9a-f]{2}$/.test(name))) {
      const orphans = (await readdir(join(this.#folder, prefix))).filter((name) => !wanted.has(name));
      for (const name of orphans) await rm(join(this.#folder, prefix, name));
    }
  }

  pathOf(sha256: string): string {
    return join(this.#folder, sha256.slice(0, 2), sha256);
  }

  /**
   * Write a content to a temporary name.
   *
   * @param maxBytes - more than this is refused as soon as it has come
   * @throws what `onTooLarge` makes, or RefusedError `disk_full`
   */
  async receive(
    source: AsyncIterable<Uint8Array>,
    { maxBytes, onTooLarge }: { readonly maxBytes: number; readonly onTooLarge: () => Error },
  ): Promise<ReceivedContent> {
    const temporaryPath = join(this.#incoming, randomUUID());
    try {
      await using file = await open(temporaryPath, "wx");
      const hash = createHash("sha256");
      let bytes = 0;
      for await (const chunk of source) {
        bytes += chunk.length;
        if (bytes > maxBytes) throw onTooLarge();
        hash.update(chunk);
        await writeAll(file, chunk);
      }
      await file.sync();
      return { temporaryPath, sha256: hash.digest("hex"), bytes };
    } catch (error) {
      await rm(temporaryPath, { force: true });
      throw diskError(error);
    }
  }

  /** Give a received content its lasting name. */
  async keep({ temporaryPath, sha256 }: ReceivedContent): Promise<void> {
    const path = this.pathOf(sha256);
    await mkdir(dirname(path), { recursive: true });
    await rename(temporaryPath, path);
    // A rename lasts once its folder is flushed.
    for (const folder of [dirname(path), this.#folder]) await syncFolder(folder);
  }

  async discard({ temporaryPath }: ReceivedContent): Promise<void> {
    await rm(temporaryPath, { force: true });
  }

  async remove(sha256: string): Promise<void> {
    await rm(this.pathOf(sha256), { force: true });
  }
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let written = 0; written < chunk.length;) {
    const { bytesWritten } = await file.write(chunk, written);
    written += bytesWritten;
  }
}

function diskError(error: unknown): unknown {
  if (!isDiskFull(error)) return error;
  return new RefusedError(
    "disk_full",
    "the server's disk is full: the file was not kept (delete files, or ask whoever runs this server)",
    {
      cause: error,
    },
  );
}
