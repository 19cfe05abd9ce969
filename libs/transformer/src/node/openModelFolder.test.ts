import { cp, mkdir, mkdtemp, readdir, readlink, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openModelFolder } from "./openModelFolder.ts";

/** Four layers, 32 dimensions (tools/oracles/sentence_encoder.py). */
const tinyEncoder = join(import.meta.dirname, "../../../../test/fixtures/tiny-encoder");
const absent = process.platform === "linux" ? null : "skipped: open files are found in /proc";

let folder: string;
beforeAll(async () => {
  folder = join(await realpath(await mkdtemp(join(tmpdir(), "openModelFolder-"))), "model");
  await cp(tinyEncoder, folder, { recursive: true });
});
afterAll(() => rm(join(folder, ".."), { recursive: true }));

/** Files below the folder that this process has open. */
async function openFiles(): Promise<string[]> {
  const handles = await readdir("/proc/self/fd");
  const paths = await Promise.all(handles.map((handle) => readlink(`/proc/self/fd/${handle}`).catch(() => "")));
  return paths.filter((path) => path.startsWith(folder));
}

test.skipIf(absent !== null)(
  `openModelFolder() keeps files open until it is closed (${absent ?? "Linux"})`,
  async () => {
    const opened = await openModelFolder(folder);
    expect(await openFiles()).toEqual([join(folder, "model.safetensors")]);
    await opened.close();
    expect(await openFiles()).toEqual([]);
  },
);

test.skipIf(absent !== null)(`openModelFolder() keeps no file open when it throws (${absent ?? "Linux"})`, async () => {
  const modules = [
    { type: "Transformer", path: "" },
    { type: "Pooling", path: "1_Pooling" },
    { type: "Dense", path: "2_Dense" },
  ];
  await writeFile(join(folder, "modules.json"), JSON.stringify(modules));
  await mkdir(join(folder, "2_Dense"));
  await writeFile(join(folder, "2_Dense", "config.json"), JSON.stringify({ in_features: 32, out_features: 8 }));
  await expect(openModelFolder(folder)).rejects.toMatchObject({ code: "weights_not_found" });
  expect(await openFiles()).toEqual([]);
});
