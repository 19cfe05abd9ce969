/**
 * @file The bytes of a UTF-8 file, streamed: decompressed if they are gzip, without byte order mark, and known to be UTF-8,
 * so that nothing after this replaces characters in silence.
 */
import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { DataError } from "../../data/dataError.ts";

/** Bytes as they lie on disk. */
export type ReadProgress = { readonly file: string; readonly bytesRead: number; readonly bytesTotal: number };

export type FileBytesOptions = {
  /** What messages call the file; default its path. */
  readonly name?: string;
  readonly onProgress?: ((progress: ReadProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** Bytes read at once. */
const chunkBytes = 1 << 18;
const newline = 0x0a;

/**
 * @throws DataError "data_unreadable" when it cannot be read, "data_encoding" when it is not UTF-8 (with the line) or its
 *   gzip is damaged; the reason of `signal` when it aborts
 */
export async function* fileBytes(path: string, options: FileBytesOptions = {}): AsyncGenerator<Buffer> {
  const name = options.name ?? path;
  const { isGzip, bytesTotal } = await inspect(path, name);
  let bytesRead = 0;
  const file = createReadStream(path, { highWaterMark: chunkBytes });
  file.on("data", (chunk) => {
    bytesRead += chunk.length;
    options.onProgress?.({ file: name, bytesRead, bytesTotal });
  });
  const stream = isGzip ? decompressed(file) : file;
  const text = new Utf8Check(name);
  try {
    for await (const chunk of stream) {
      options.signal?.throwIfAborted();
      yield text.accept(chunk as Buffer);
    }
  } catch (cause) {
    if (cause instanceof DataError || options.signal?.aborted === true) throw cause;
    const code = (cause as { code?: string }).code ?? "";
    if (code.startsWith("Z_")) {
      throw new DataError(
        "data_encoding",
        `expected a whole gzip file, got a damaged one (${(cause as Error).message})`,
        {
          file: name,
          cause,
        },
      );
    }
    throw unreadable(name, cause);
  } finally {
    stream.destroy();
    file.destroy();
  }
  const rest = text.end();
  if (rest.length > 0) yield rest;
}

function decompressed(file: Readable): Readable {
  const output = createGunzip({ chunkSize: chunkBytes });
  file.once("error", (error) => output.destroy(error));
  return file.pipe(output);
}

async function inspect(path: string, name: string): Promise<{ isGzip: boolean; bytesTotal: number }> {
  try {
    await using handle = await open(path);
    const { size } = await handle.stat();
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return { isGzip: bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b, bytesTotal: size };
  } catch (cause) {
    throw unreadable(name, cause);
  }
}

function unreadable(file: string, cause: unknown): DataError {
  return new DataError("data_unreadable", `cannot be read (${(cause as Error).message})`, { file, cause });
}

/** Lets UTF-8 through, cut at whole characters. */
class Utf8Check {
  readonly #name: string;
  #rest: Buffer = Buffer.alloc(0);
  #line = 1;
  #isStart = true;

  constructor(name: string) {
    this.#name = name;
  }

  accept(chunk: Buffer): Buffer {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    if (this.#isStart && bytes.length >= 3) {
      this.#isStart = false;
      this.#refuseUtf16(bytes);
      if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) bytes = bytes.subarray(3);
    }
    const end = this.#isStart ? 0 : wholeCharacters(bytes);
    this.#rest = bytes.subarray(end);
    return this.#checked(bytes.subarray(0, end));
  }

  /** @returns what is left: all of a file of two bytes @throws DataError when the file ends within a character */
  end(): Buffer {
    if (this.#isStart) this.#refuseUtf16(this.#rest);
    return this.#checked(this.#rest);
  }

  #checked(bytes: Buffer): Buffer {
    if (isUtf8(bytes)) {
      for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, at + 1)) this.#line++;
      return bytes;
    }
    for (let start = 0, line = this.#line; ; line++) {
      const found = bytes.indexOf(newline, start);
      const end = found < 0 ? bytes.length : found;
      if (!isUtf8(bytes.subarray(start, end))) {
        throw new DataError("data_encoding", "expected UTF-8, got bytes that are not (save the file as UTF-8)", {
          file: this.#name,
          line,
        });
      }
      start = end + 1;
    }
  }

  #refuseUtf16(bytes: Buffer): void {
    const [first, second] = bytes;
    const hasMark = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
    if (hasMark || (bytes.length >= 2 && (first === 0) !== (second === 0))) {
      throw new DataError("data_encoding", "expected UTF-8, got UTF-16 (save the file as UTF-8)", { file: this.#name });
    }
  }
}

/** Length without the character that is cut off at the end. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) break;
    if (byte >= 0xc0) {
      const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return size > back ? bytes.length - back : bytes.length;
    }
  }
  return bytes.length;
}
