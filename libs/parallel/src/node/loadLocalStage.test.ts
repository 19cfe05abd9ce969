import { copyFile, mkdtemp, readdir, readlink, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadLocalStage } from "./loadLocalStage.ts";

/** Four layers, 32 dimensions (tools/oracles/sentence_encoder.py). */
const tinyEncoder = join(import.meta.dirname, "../../../../test/fixtures/tiny-encoder");
const absent = process.platform === "linux" ? null : "skipped: open files are found in /proc";
const engine = { engine: "onnxruntime", threads: 1 } as const;

let folder: string;
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "loadLocalStage-")));
  for (const name of ["config.json", "model.safetensors"]) await copyFile(join(tinyEncoder, name), join(folder, name));
});
afterAll(() => rm(folder, { recursive: true }));

/** Whether this process has the model's weights open. */
async function hasOpenWeights(): Promise<boolean> {
  const handles = await readdir("/proc/self/fd");
  const paths = await Promise.all(handles.map((handle) => readlink(`/proc/self/fd/${handle}`).catch(() => "")));
  return paths.includes(join(folder, "model.safetensors"));
}

test.skipIf(absent !== null)(
  `loadLocalStage() has the weights open until it is closed (${absent ?? "Linux"})`,
  async () => {
    const { close } = await loadLocalStage({ folder, ...engine });
    expect(await hasOpenWeights()).toBe(true);
    await close();
    expect(await hasOpenWeights()).toBe(false);
  },
);

test.skipIf(absent !== null).each([
  ["the engine does not load", { engine: "tfjs-node-gpu", threads: 1 } as const, /tfjs-node-gpu/],
  ["the layers are not the model's", { ...engine, layers: { start: 0, end: 9 } }, /encoder\.layer\.4/],
])(`loadLocalStage() leaves nothing open when %s (${absent ?? "Linux"})`, async (_, request, message) => {
  await expect(loadLocalStage({ folder, ...request })).rejects.toThrow(message);
  expect(await hasOpenWeights()).toBe(false);
});
