/**
 * @file What tells two model folders apart.
 *
 * `layoutFingerprint` is cheap: config and checkpoint headers. A worker compares it with the gateway's before it loads.
 * `contentFingerprint` covers every byte of the weights: a data folder remembers by it whose vectors were served under a name.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readdir, readFile, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { isSystemError } from "./isSystemError.ts";

/** Files that change what the model computes. */
const describing = [
  "config.json",
  "modules.json",
  "sentence_bert_config.json",
  "config_sentence_transformers.json",
  "tokenizer.json",
  "tokenizer_config.json",
];

/** Same for folders with the same configuration and the same tensors' names, types, shapes and places. 64 hexadecimal digits. */
export async function layoutFingerprint(folder: string): Promise<string> {
  const hash = createHash("sha256");
  for (const file of ["config.json", "modules.json"]) await addFile(hash, folder, file);
  for (const path of await checkpointFiles(folder)) {
    const { size } = await stat(path);
    hash.update(`${size}\n`).update(await headerBytes(path));
  }
  return hash.digest("hex");
}

/** Same for folders whose models give the same vectors for every text. Reads all weights: about 1.5 GB a second. */
export async function contentFingerprint(folder: string): Promise<string> {
  const hash = createHash("sha256");
  for (const file of describing) await addFile(hash, folder, file);
  for (const path of await checkpointFiles(folder))
    await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash, { end: false });
  return hash.digest("hex");
}

/** Checkpoints of the model and of its modules, in a fixed order. */
async function checkpointFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true });
  const files = entries.filter((path) => /(^|[/\\])model[^/\\]*\.safetensors$/.test(path)).toSorted();
  return Promise.all(files.map((path) => realpath(join(folder, path))));
}

async function addFile(hash: ReturnType<typeof createHash>, folder: string, file: string): Promise<void> {
  try {
    hash.update(`${file}\n`).update(await readFile(join(folder, file)));
  } catch (error) {
    if (!isSystemError(error, "ENOENT")) throw error;
  }
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
