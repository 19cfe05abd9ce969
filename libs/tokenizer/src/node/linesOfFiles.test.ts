/** @file Training on lines of files, progress in bytes, bounded lines. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { VocabularyTrainingError } from "../errors.ts";
import { trainWordPiece } from "../training/trainWordPiece.ts";
import { linesOfFiles, type BytesProgress } from "./linesOfFiles.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "training-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function linesOf(...paths: string[]): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of linesOfFiles(paths)) lines.push(line);
  return lines;
}

describe("trainWordPiece() on linesOfFiles()", () => {
  test("learns what trainWordPiece() learns from the lines, and counts all bytes", async () => {
    const lines = Array.from({ length: 500 }, (_, i) => `stage ${i % 7} of the pipeline ${i % 11}`);
    const [plain, packed] = [join(folder, "a.txt"), join(folder, "b.txt.gz")];
    const second = gzipSync(lines.slice(250).join("\r\n"));
    await writeFile(plain, `${lines.slice(0, 250).join("\n")}\n`);
    await writeFile(packed, second);
    const progress: BytesProgress[] = [];
    const options = { vocabSize: 60, minFrequency: 2 };
    const files = linesOfFiles([plain, packed], (each) => progress.push(each));
    const { tokenizer } = await trainWordPiece(files, options);
    expect(tokenizer).toEqual((await trainWordPiece(lines, options)).tokenizer);
    const { bytesRead, bytesTotal } = progress.at(-1)!;
    expect(bytesRead).toBe(bytesTotal);
    expect(bytesTotal).toBe(lines.slice(0, 250).join("\n").length + 1 + second.length);
  });

  test.each(["missing.txt", "missing.txt.gz"])("names a file that is not there: %s", async (name) => {
    await expect(trainWordPiece(linesOfFiles([join(folder, name)]))).rejects.toThrow(VocabularyTrainingError);
    await expect(trainWordPiece(linesOfFiles([join(folder, name)]))).rejects.toThrow(name);
  });

  test("names a file that is not gzip though its name says so", async () => {
    await writeFile(join(folder, "no.gz"), "plain");
    await expect(trainWordPiece(linesOfFiles([join(folder, "no.gz")]))).rejects.toThrow(/no\.gz/);
  });
});

describe("linesOfFiles()", () => {
  test("keeps characters together that lie across reads", async () => {
    const path = join(folder, "long.txt");
    const line = "\u{1f600}\u4e2d\u00e9".repeat(40_000);
    await writeFile(path, `x${line}\n${line}`);
    expect(await linesOf(path)).toEqual([`x${line}`, line]);
  });

  test("hands on a line of megabytes in parts, cut at spaces", async () => {
    const path = join(folder, "one.txt");
    const text = "word ".repeat(700_000);
    await writeFile(path, text);
    const lines = await linesOf(path);
    expect(lines.length).toBeGreaterThan(2);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(1.2e6);
    expect(lines.join("")).toBe(text);
    expect(
      lines.every((line) =>
        line
          .trim()
          .split(" ")
          .every((part) => part === "word"),
      ),
    ).toBe(true);
  });
});
