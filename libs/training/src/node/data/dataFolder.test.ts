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

type Given = { readonly progress?: ReadProgress[]; readonly config?: string };

async function textsOf(folder: string, split: DataSplit, { progress = [], config }: Given = {}): Promise<unknown[]> {
  const source = await openDataFile(folder, { split, config, onProgress: (each) => progress.push(each) });
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
    expect(await textsOf(folder, "train", { progress })).toEqual(shards);
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

describe("the card of a data set", () => {
  const names = ["en/a.jsonl", "en/b.jsonl", "en/held-out.jsonl", "de/train.jsonl", "de/dev.jsonl", "extra/x.jsonl"];
  const cards = {
    several: `configs:
- config_name: en
  data_files:
  - split: train
    path: ["en/a.jsonl", "en/b.*"]
  - split: validation
    path: en/held-out.jsonl
- config_name: de
  data_dir: ./de/
- config_name: all
  data_files: "**/*.jsonl"
`,
    preferred: `configs:
- config_name: x
  data_files: extra/x.jsonl
- config_name: de
  data_dir: de
  default: true
`,
    one: `license: mit
configs:
- config_name: only
  data_files:
  - split: train
    path: "en/[ab].jsonl"
  - split: dev
    path: en/held-out.jsonl
`,
  };
  const withCard = (front: string) => {
    const folder = folderOf(...names);
    writeFileSync(join(folder, "README.md"), `---\n${front}---\n# A data set\n`);
    return folder;
  };

  // The same files as datasets 5.2's load_dataset has them, which calls the last one "dev".
  test.each<[keyof typeof cards, string | undefined, DataSplit, string[]]>([
    ["several", "en", "train", ["en/a.jsonl", "en/b.jsonl"]],
    ["several", "en", "validation", ["en/held-out.jsonl"]],
    ["several", "de", "train", ["de/train.jsonl"]],
    ["several", "de", "validation", ["de/dev.jsonl"]],
    ["several", "all", "train", names.toSorted()],
    ["preferred", undefined, "train", ["de/train.jsonl"]],
    ["preferred", "x", "train", ["extra/x.jsonl"]],
    ["one", undefined, "train", ["en/a.jsonl", "en/b.jsonl"]],
    ["one", undefined, "validation", ["en/held-out.jsonl"]],
  ])("%s, configuration %s, %s", async (...[card, config, split, expected]) => {
    expect(await textsOf(withCard(cards[card]), split, config === undefined ? {} : { config })).toEqual(expected);
  });

  test("that names several, and no default one, says which there are", async () => {
    await expect(textsOf(withCard(cards.several), "train")).rejects.toThrow(
      "expected the name of one of its configurations (en, de, all), got none (name it with --data-config)",
    );
    await expect(textsOf(withCard(cards.several), "train", { config: "fr" })).rejects.toThrow(
      '(en, de, all), got "fr"',
    );
    await expect(textsOf(folderOf("train.jsonl"), "train", { config: "fr" })).rejects.toThrow(
      '(it has none), got "fr"',
    );
    await expect(textsOf(withCard(cards.one), "test")).rejects.toThrow(
      'expected files of the split "test", got train, dev',
    );
    const file = join(folderOf("train.jsonl"), "train.jsonl");
    await expect(textsOf(file, "train", { config: "en" })).rejects.toThrow('with the configuration "en", got a file');
  });

  test.each([
    ["no YAML", "configs: [\n", /README\.md: expected YAML between the lines of dashes/],
    ["no list", "configs: 3\n", /expected a list of `configs`, got 3/],
    ["no name", "configs:\n- data_files: a\n", /expected `config_name` of each of the `configs`/],
    ["an object", "configs:\n- config_name: a\n  data_files:\n    train: a\n", /a `split` and a `path` each/],
    [
      "a split twice",
      "configs:\n- config_name: a\n  data_files:\n  - {split: train, path: a}\n  - {split: train, path: b}\n",
      /expected each split once in `data_files`/,
    ],
    ["no paths", "configs:\n- config_name: a\n  data_files:\n  - split: train\n", /a `split` and a `path` each/],
  ])("with %s is told", async (_, front, message) => {
    await expect(textsOf(withCard(front), "train")).rejects.toThrow(message);
  });

  test("without a word of files is none", async () => {
    expect(await textsOf(withCard("license: mit\n"), "train", {})).toEqual(["de/train.jsonl"]);
  });
});
