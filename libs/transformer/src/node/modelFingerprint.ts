/**
 * @file What tells two model folders apart.
 *
 * `layoutFingerprint` is cheap: configurations and checkpoint headers. A worker compares it with the gateway's before it loads.
 * `stagesFingerprint` covers every byte of the weights besides: so does a worker that has files of its own.
 * `contentFingerprint` covers the tokenizer too: a data folder remembers by it whose vectors were served under a name.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readdir, readFile, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

/** Files that change what the stages compute: of the encoder, and of modules such as `1_Pooling`. */
const describing = /^(config|modules|adapter_config|adapter_base)\.json$|^\d+_\w+[/\\]config\.json$/;

/** Files that change what the stages are given for a text. */
const tokenizing =
  /^(tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|sentence_[\w-]+_config|config_sentence_transformers)\.json$|^(vocab|merges)\.txt$/;

/** Same for folders with the same configuration and the same tensors' names, types, shapes and places. 64 hexadecimal digits. */
export async function layoutFingerprint(folder: string): Promise<string> {
  const hash = createHash("sha256");
  await addFiles(hash, folder, [describing]);
  for (const path of await checkpointFiles(folder)) {
    const { size } = await stat(path);
    hash.update(`${size}\n`).update(await headerBytes(path));
  }
  return hash.digest("hex");
}

/** Same for folders whose stages give the same vectors for the same tokens. Reads all weights: about 1.5 GB a second. */
export function stagesFingerprint(folder: string): Promise<string> {
  return fingerprintWithWeights(folder, [describing]);
}

/** Same for folders whose models give the same vectors for every text. Reads all weights, as `stagesFingerprint`. */
export function contentFingerprint(folder: string): Promise<string> {
  return fingerprintWithWeights(folder, [describing, tokenizing]);
}

async function fingerprintWithWeights(folder: string, kinds: readonly RegExp[]): Promise<string> {
  const hash = createHash("sha256");
  await addFiles(hash, folder, kinds);
  for (const path of await checkpointFiles(folder))
    await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash, { end: false });
  return hash.digest("hex");
}

/** Checkpoints of the model and of its modules, in a fixed order. */
async function checkpointFiles(folder: string): Promise<string[]> {
  const files = await filesOf(folder, [/(^|[/\\])model[^/\\]*\.safetensors$|^adapter_model\.safetensors$/]);
  return Promise.all(files.map((path) => realpath(join(folder, path))));
}

async function addFiles(hash: ReturnType<typeof createHash>, folder: string, kinds: readonly RegExp[]): Promise<void> {
  for (const file of await filesOf(folder, kinds))
    hash.update(`${file.replaceAll("\\", "/")}\n`).update(await readFile(join(folder, file)));
}

async function filesOf(folder: string, kinds: readonly RegExp[]): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true });
  return entries.filter((path) => kinds.some((kind) => kind.test(path))).toSorted();
}

const MAX_HEADER_BYTES = 100_000_000;

async function headerBytes(path: string): Promise<Uint8Array> {
  await using file = await open(path);
  const length = new Uint8Array(8);
  await file.read(length, 0, 8, 0);
  const headerLength = Number(new DataView(length.buffer).getBigUint64(0, true));
  const { size } = await file.stat();
  const bytes = new Uint8Array(Math.min(headerLength, size, MAX_HEADER_BYTES));
  await file.read(bytes, 0, bytes.length, 8);
  return bytes;
}
