/**
 * @file A WeightSource over safetensors files whose headers are already parsed.
 *
 * How bytes are fetched is handed in, so the same code serves positioned reads of a local file
 * (node/openSafetensors.ts), range requests in a browser, and bytes in memory.
 */
import { SafetensorsError } from "./errors.ts";
import type { SafetensorsEntry, SafetensorsHeader } from "./parseSafetensorsHeader.ts";
import { toFloat32 } from "./toFloat32.ts";
import { toInt32 } from "./toInt32.ts";
import type { WeightEntry, WeightSource } from "./weightSource.ts";

/** One safetensors file: a shard of a checkpoint, or all of it. */
export interface TensorFile {
  /** Name for messages. */
  readonly name: string;
  /** Absolute path with symbolic links followed, when the file is one on a disk. */
  readonly realPath?: string;
  readonly header: SafetensorsHeader;
  /** Fill the whole of `target` with the bytes from `offset` on, or reject. */
  read(target: Uint8Array, offset: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * Weights spread over one or more files.
 *
 * @param files - owned by the result from now on: `close` closes them
 * @throws SafetensorsError when two files hold a tensor of the same name; the files stay open then
 */
export function fileWeights(files: readonly TensorFile[]): WeightSource {
  return new FileWeights(files);
}

type Place = { readonly file: TensorFile; readonly entry: SafetensorsEntry };

class FileWeights implements WeightSource {
  readonly #files: readonly TensorFile[];
  readonly #places = new Map<string, Place>();
  #isClosed = false;
  bytesRead = 0;

  constructor(files: readonly TensorFile[]) {
    this.#files = files;
    for (const file of files) {
      for (const [name, entry] of file.header.tensors) this.#add(name, { file, entry });
    }
  }

  names(): readonly string[] {
    return [...this.#places.keys()];
  }

  has(name: string): boolean {
    return this.#places.has(name);
  }

  entry(name: string): WeightEntry {
    const { file, entry } = this.#place(name);
    const { dtype, shape, offset, length } = entry;
    const stored = { dtype, shape, bytes: length };
    return file.realPath === undefined ? stored : { ...stored, location: { file: file.realPath, offset, length } };
  }

  async readFloat32(name: string): Promise<Float32Array> {
    const { file, entry } = this.#place(name);
    return toFloat32(await this.readBytes(name), entry.dtype, { file: file.name, tensor: name });
  }

  async readInt32(name: string): Promise<Int32Array> {
    const { file, entry } = this.#place(name);
    return toInt32(await this.readBytes(name), entry.dtype, { file: file.name, tensor: name });
  }

  async readBytes(name: string): Promise<Uint8Array> {
    const { file, entry } = this.#place(name);
    if (this.#isClosed) throw closedError(file.name, name);
    const bytes = new Uint8Array(entry.length);
    if (bytes.length > 0) await file.read(bytes, entry.offset);
    this.bytesRead += bytes.length;
    return bytes;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await Promise.all(this.#files.map((file) => file.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #add(name: string, place: Place): void {
    const other = this.#places.get(name);
    if (other) {
      throw new SafetensorsError({
        code: "safetensors_invalid",
        file: place.file.name,
        tensor: name,
        expected: "a tensor that no other file of the checkpoint holds",
        found: `one that ${other.file.name} holds too`,
        remedy: "download or write the checkpoint again",
      });
    }
    this.#places.set(name, place);
  }

  #place(name: string): Place {
    const place = this.#places.get(name);
    if (!place) {
      const file = this.#files.map(({ name: fileName }) => fileName).join(", ");
      throw missingError({ file, tensor: name, count: this.#places.size });
    }
    return place;
  }
}

function missingError(facts: { file: string; tensor: string; count: number }): SafetensorsError {
  return new SafetensorsError({
    code: "tensor_not_found",
    file: facts.file,
    tensor: facts.tensor,
    expected: "a tensor of this name",
    found: `${facts.count} tensors of other names`,
    remedy: "the checkpoint is of another kind of model than its config.json says, or incomplete",
  });
}

function closedError(file: string, tensor: string): SafetensorsError {
  return new SafetensorsError({
    code: "weights_closed",
    file,
    tensor,
    expected: "an open weight source",
    found: "a closed one",
    remedy: "read all weights before close()",
  });
}
