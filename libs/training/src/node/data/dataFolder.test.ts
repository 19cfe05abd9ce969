/** @file Folders of the hub's data sets: which files belong to which split, and rows of all of them. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { BadRows } from "../../data/badRows.ts";
import type { DataSplit } from "./dataFolder.ts";
import type { ReadProgress } from "./fileBytes.ts";
import { openDataFile } from "./openDataFile.ts";

const scratch = mkdtempSync(join(tmpdir(), "stagecoach-folder-"));
afterAll(() => rmSync(scratch, { recursive: true }));

/** Each file has one row: its own name. */
function folderOf(...names: string[]): string {
  const folder = mkdtempSync(join(scratch, "data-"));
  for (const name of names) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), name.endsWith(".csv") ? `text\n${name}\n` : `{"text":"${name}"}\n`);
  }
  return folder;
}

async function textsOf(folder: string, split: DataSplit, progress: ReadProgress[] = []): Promise<unknown[]> {
  const source = await openDataFile(folder, { split, onProgress: (each) => progress.push(each) });
  const texts: unknown[] = [];
  for await (const rows of source.read(new BadRows())) texts.push(...rows.map(({ values }) => values["text"]));
  return texts;
}

describe("a folder of a data set", () => {
  test("of the hub: shards in order, by the split before the dash", async () => {
    const shards = ["data/train-00000-of-00002.jsonl", "data/train-00001-of-00002.jsonl"];
    const matched = "data/validation_matched-00000-of-00001.jsonl";
    const folder = folderOf(
      ...shards.toReversed(),
      "data/test-00000-of-00001.jsonl",
      matched,
      "README.md",
      ".cache/train.jsonl",
    );
    const progress: ReadProgress[] = [];
    expect(await textsOf(folder, "train", progress)).toEqual(shards);
    expect(progress.at(-1)).toMatchObject({ file: folder, bytesRead: progress.at(-1)!.bytesTotal });
    expect(await textsOf(folder, "test")).toEqual(["data/test-00000-of-00001.jsonl"]);
    await expect(textsOf(folder, "validation")).rejects.toThrow(
      /expected files of the split "validation", got test, train, validation_matched/,
    );
  });

  test.each<[DataSplit, string[], string[]]>([
    ["train", ["train.csv", "dev.csv"], ["train.csv"]],
    ["validation", ["train.csv", "my-dev.csv"], ["my-dev.csv"]],
    ["test", ["training/a.jsonl", "testing/a.jsonl"], ["testing/a.jsonl"]],
    ["train", ["part-1.jsonl", "part-2.jsonl"], ["part-1.jsonl", "part-2.jsonl"]],
    ["train", ["contrained.jsonl", "latest.jsonl"], ["contrained.jsonl", "latest.jsonl"]],
    ["train", ["train.csv", "test.csv", "extra.csv"], ["train.csv"]],
    ["validation", ["dev/train.csv", "training/train.csv"], ["dev/train.csv"]],
    ["train", ["corpus-train-00000-of-00001.jsonl", "dataset_infos.json"], ["corpus-train-00000-of-00001.jsonl"]],
  ])("by words of their names: %s of %j", async (split, names, expected) => {
    expect(await textsOf(folderOf(...names), split)).toEqual(expected);
  });

  test("in a cache of the hub's clients, where files are links", async () => {
    const [blobs, folder] = [folderOf("blob"), folderOf()];
    symlinkSync(join(blobs, "blob"), join(folder, "train.jsonl"));
    expect(await textsOf(folder, "train")).toEqual(["blob"]);
  });

  test("of a format that is said: files whose names say it, or nothing", async () => {
    const folder = folderOf("part-0", "README.md", "LICENSE", "other.csv");
    const source = await openDataFile(folder, { format: "jsonl" });
    const rows = [];
    for await (const portion of source.read(new BadRows())) rows.push(...portion);
    expect(rows.map(({ values }) => values)).toEqual([{ text: "part-0" }]);
  });

  test("with several data sets, or the same in two formats, or nothing, says what to name", async () => {
    await expect(textsOf(folderOf("sst2/train.jsonl", "mnli/train.jsonl"), "train")).rejects.toThrow(
      /expected the files of one data set, got folders mnli, sst2 \(name one of them: .*mnli\)/,
    );
    await expect(textsOf(folderOf("train.jsonl", "train.csv"), "train")).rejects.toThrow(/expected files of one kind/);
    await expect(textsOf(folderOf("README.md"), "train")).rejects.toThrow(/got no data files/);
  });
});
