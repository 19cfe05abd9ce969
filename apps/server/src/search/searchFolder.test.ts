import { linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { folderBytes } from "./searchFolder.ts";

const folder = mkdtempSync(join(tmpdir(), "stagecoach-bytes-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the files of a folder, each once however many links it has", async () => {
  mkdirSync(join(folder, "1", "checkpoints"), { recursive: true });
  mkdirSync(join(folder, "2"));
  writeFileSync(join(folder, "1", "checkpoints", "a"), "12345");
  writeFileSync(join(folder, "2", "b"), "123");
  linkSync(join(folder, "2", "b"), join(folder, "1", "b"));
  expect(await folderBytes(folder)).toBe(8);
  expect(await folderBytes(join(folder, "none"))).toBe(0);
});
