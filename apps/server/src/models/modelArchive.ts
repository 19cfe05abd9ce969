/** @file A model's folder as a tar stream (POSIX ustar, with pax headers where it needs them). */
import { open, readdir, type FileHandle } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { pack } from "tar-stream";

export type ModelArchiveOptions = {
  /** Name of the folder in the archive. */
  readonly root: string;
  /** Unix seconds: when the files were made. */
  readonly createdAt: number;
};

export type ModelArchive = AsyncDisposable & {
  /** Fails as soon as a file does. Files are read as far as the stream is. */
  readonly stream: () => NodeJS.ReadableStream;
};

type ArchivedFile = { readonly name: string; readonly handle: FileHandle };

/**
 * All files are opened here: what is deleted afterwards can be read to its end all the same.
 *
 * @throws what the file system throws, ENOENT where the folder is gone
 */
export async function openModelArchive(
  folder: string,
  { root, createdAt }: ModelArchiveOptions,
): Promise<ModelArchive> {
  const files: ArchivedFile[] = [];
  const close = async () => void (await Promise.all(files.map(({ handle }) => handle.close())));
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const paths = entries.filter((entry) => !entry.isDirectory()).map(({ parentPath, name }) => join(parentPath, name));
    for (const path of paths.toSorted()) {
      const handle = await open(path, "r");
      files.push({ name: [root, ...relative(folder, path).split(sep)].join("/"), handle });
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    stream() {
      const archive = pack();
      const mtime = new Date(createdAt * 1000);
      const add = async () => {
        for (const { name, handle } of files) {
          const { size } = await handle.stat();
          const entry = archive.entry({ name, size, mode: 0o644, mtime });
          await pipeline(handle.createReadStream({ autoClose: false }), entry);
        }
        archive.finalize();
      };
      add().catch((error: Error) => archive.destroy(error));
      return archive;
    },
    [Symbol.asyncDispose]: close,
  };
}
