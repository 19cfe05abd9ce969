/** @file Copies of the tiny encoder with something changed in them, for tests of what is refused and why. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tinyEncoder } from "./paths.ts";

export type ModelCopy = Disposable & { readonly folder: string };

/** A copy of the tiny encoder in a folder of its own. @param change - is given the copy's folder */
export function copyModel(change: (folder: string) => void = () => {}): ModelCopy {
  const parent = mkdtempSync(join(tmpdir(), "stagecoach-model-"));
  const folder = join(parent, "tiny-encoder");
  cpSync(tinyEncoder, folder, { recursive: true });
  change(folder);
  return { folder, [Symbol.dispose]: () => rmSync(parent, { recursive: true, force: true }) };
}

/** Change fields of a JSON file. */
export function editJson(path: string, fields: Readonly<Record<string, unknown>>): void {
  writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, "utf8")) as object), ...fields }));
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
