/** @file What a model's folder holds, by which one that has not changed is known without being read. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

export type ModelFile = { readonly path: string; readonly bytes: number; readonly modifiedMs: number };

/** Size and time of everything in the folder that a model is made of, folders inside of it included; in order of their paths. */
export async function modelFiles(folder: string): Promise<ModelFile[]> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => /\.(json|safetensors|txt)$/.test(name));
  return Promise.all(
    names.toSorted().map(async (name) => {
      const path = join(folder, name);
      const { size, mtimeMs } = await stat(path);
      return { path, bytes: size, modifiedMs: mtimeMs };
    }),
  );
}
