/** @file A file larger than memory: 2 GB of text under a limit of 512 MB. The unit tests have the same with 100 MB. */
import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { loadLargeFile } from "../../libs/training/src/node/data/testing/largeFile.ts";

const MEGABYTES = 2048;
/** The file, and four bytes for each of its tokens. */
const NEEDED = 2.5 * MEGABYTES * 1e6;

const folder = mkdtempSync(join(tmpdir(), "stagecoach-large-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const { bavail, bsize } = statfsSync(folder);
const absent = bavail * bsize < NEEDED ? `skipped: needs ${NEEDED / 1e9} GB in ${tmpdir()}` : null;

describe.skipIf(absent !== null)(`a file larger than memory (${absent ?? `${MEGABYTES} MB`})`, () => {
  test("is read, encoded and batched by a process of at most 512 MB", async () => {
    const { numTokens, peakMegabytes } = await loadLargeFile(folder, MEGABYTES);
    expect(numTokens).toBeGreaterThan(500e6);
    expect(peakMegabytes).toBeLessThan(512);
  }, 1_200_000);
});
