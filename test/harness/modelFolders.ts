/** @file Copies of a model (the tiny encoder by default) with something changed in them: what is refused and why, what changes vectors. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { tinyEncoder } from "./paths.ts";

export type ModelCopy = Disposable & { readonly folder: string };

/** A copy of a model in a folder of its own. @param change - is given the copy's folder */
export function copyModel(change: (folder: string) => void = () => {}, model: string = tinyEncoder): ModelCopy {
  const parent = mkdtempSync(join(tmpdir(), "stagecoach-model-"));
  const folder = join(parent, basename(model));
  cpSync(model, folder, { recursive: true });
  change(folder);
  return { folder, [Symbol.dispose]: () => rmSync(parent, { recursive: true, force: true }) };
}

/** Change fields of a JSON file. */
export function editJson(path: string, fields: Readonly<Record<string, unknown>>): void {
  writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, "utf8")) as object), ...fields }));
}

/** For the tiny encoder as its teacher: its tokenizer, half its size, no weights, and no word of how vectors are made. */
export function smallStudent(): ModelCopy {
  return copyModel((folder) => {
    for (const name of ["model.safetensors", "modules.json", "1_Pooling", "sentence_bert_config.json"])
      rmSync(join(folder, name), { recursive: true });
    editJson(join(folder, "config.json"), { hidden_size: 16, intermediate_size: 32, num_hidden_layers: 2 });
  });
}

/** Write JSON files into a folder; `null` removes one. */
export function writeJsonFiles(folder: string, files: Readonly<Record<string, unknown>>): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    if (content === null) rmSync(path);
    else writeFileSync(path, JSON.stringify(content));
  }
}

export type TensorHeader = { dtype: string; shape: number[]; data_offsets: [number, number] };

/** Change the header of a safetensors file; the bytes of its tensors stay as they are. */
export function editHeader(path: string, change: (tensors: Record<string, TensorHeader>) => void): void {
  const file = readFileSync(path);
  const length = Number(file.readBigUInt64LE(0));
  const tensors = JSON.parse(file.subarray(8, 8 + length).toString()) as Record<string, TensorHeader>;
  change(tensors);
  const header = Buffer.from(JSON.stringify(tensors));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(header.length));
  writeFileSync(path, Buffer.concat([size, header, file.subarray(8 + length)]));
}

/** Add to a weight: another model of the same shape. */
export function changeWeights(folder: string): void {
  const path = join(folder, "model.safetensors");
  const file = readFileSync(path);
  file[file.length - 2] = file[file.length - 2]! ^ 0x10;
  writeFileSync(path, file);
}
