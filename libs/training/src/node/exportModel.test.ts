/** @file What a crash can take away of an exported model: nothing, because all of it was flushed before it got its name. */
import { readEncoderModel } from "@stagecoach/transformer";
import { jsonReader } from "@stagecoach/transformer/node";
import type * as promises from "node:fs/promises";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeEach, expect, test, vi } from "vitest";
import { exportCheckpoint, exportModelFiles } from "./exportModel.ts";

/** Paths that were flushed. */
const flushed = vi.hoisted(() => new Set<string>());
vi.mock("node:fs/promises", async (importOriginal) => {
  const original = await importOriginal<typeof promises>();
  const open: typeof original.open = async (path, ...how) => {
    const handle = await original.open(path, ...how);
    const sync = handle.sync.bind(handle);
    handle.sync = () => {
      flushed.add(String(path));
      return sync();
    };
    return handle;
  };
  return { ...original, open };
});

const base = join(import.meta.dirname, "../../../../test/fixtures/tiny-encoder");
const scratch = mkdtempSync(join(tmpdir(), "stagecoach-export-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
beforeEach(() => flushed.clear());

/** Files and folders of a model's folder, and the folder itself. */
const partsOf = (folder: string) => ["", ...(readdirSync(folder, { recursive: true }) as string[])].toSorted();
/** What was flushed of it while it had its temporary name. */
const flushedOf = (folder: string) =>
  [...flushed]
    .map((path) => relative(`${folder}.tmp`, path))
    .filter((path) => !path.startsWith(".."))
    .toSorted();

async function exportFiles(output: string): Promise<void> {
  const model = { ...(await readEncoderModel(jsonReader(base))), task: { name: "masked-lm" } as const };
  await exportModelFiles(output, { model, base, baseName: "a base", labels: [] });
}

test("files and folders that are copied from the base model are flushed", async () => {
  const output = join(scratch, "files");
  await exportFiles(output);
  expect(partsOf(output)).toContain(join("1_Pooling", "config.json"));
  expect(flushedOf(output)).toEqual(partsOf(output));
});

test("those of a checkpoint's model are flushed too", async () => {
  const files = join(scratch, "checkpoint-files");
  await exportFiles(files);
  const output = join(scratch, "checkpoint");
  const checkpoint = { folder: base, files: [] };
  // Without weights it does not get its name; the files are there by then.
  await expect(exportCheckpoint(output, { files, checkpoint })).rejects.toThrow(/expected the weight/);
  expect(flushedOf(output)).toEqual(partsOf(files));
});
