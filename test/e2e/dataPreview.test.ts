/** @file `stagecoach data preview`: what a file is to a model, from formats of every kind; and what is wrong with it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stagecoach } from "../harness/startServer.ts";
import { repository, tinyEncoder } from "../harness/paths.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "stagecoach-preview-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, rows: readonly unknown[]): string {
  writeFileSync(
    join(folder, name),
    rows.map((row) => `${typeof row === "string" ? row : JSON.stringify(row)}\n`).join(""),
  );
  return join(folder, name);
}
const preview = (file: string, ...flags: string[]) =>
  stagecoach(["data", "preview", file, "--model", tinyEncoder, ...flags]);

describe("stagecoach data preview", () => {
  test("classes, lengths and rows of JSONL; rows that cannot be used are counted", async () => {
    const rows = ["a", "b", "a", "a"].map((label, index) => ({
      text: "the layers ".repeat(index + 1).trim(),
      label,
      id: 7,
    }));
    const { code, stdout } = await preview(write("classes.jsonl", [...rows, { text: "", label: "a" }]), "--rows", "1");
    expect(code).toBe(0);
    expect(stdout).toContain("classes.jsonl: 4 rows\n  1 rows cannot be used, the first: ");
    expect(stdout).toContain("task     sequence-classification (single_label_classification)");
    expect(stdout).toContain("columns  text, label; not used: id");
    expect(stdout).toMatch(/^ {4}a +3 {2}#{30}$\n^ {4}b +1 {2}#{10}$/m);
    // [CLS] and [SEP] besides two words, twice to eight times.
    expect(stdout).toContain("tokens   4 to 10, median 8, 95 % at most 10");
    expect(stdout).toContain('line 1\n    text: "the layers"\n    label: "a"\n');
    expect(stdout).not.toContain("line 2");
    expect(stdout).toContain("[CLS] the layers [SEP]");
  });

  test("of several labels, each is counted", async () => {
    const rows = [{ labels: ["x"] }, { labels: ["x", "y"] }, { labels: [] }].map((each) => ({
      text: "workers",
      ...each,
    }));
    const { code, stdout } = await preview(write("several.jsonl", rows));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ {4}x +2 {2}#{30}$\n^ {4}y +1 {2}#{15}$/m);
  });

  test("of Parquet, with columns that are named", async () => {
    const file = join(repository, "libs/training/fixtures/parquet/tags.parquet");
    const { code, stdout } = await preview(file, "--column", "tags=ner_tags");
    expect([code, stdout]).toEqual([0, expect.stringContaining("columns  tokens, tags=ner_tags")]);
  });

  test("of a data set's folder, by split", async () => {
    write("train.jsonl", [{ text: "the" }]);
    write("validation.jsonl", [{ text: "layers" }, { text: "workers" }]);
    const flags = ["--task", "masked-lm", "--split", "validation"];
    expect((await preview(folder, ...flags)).stdout).toContain(": 2 rows");
    const { code, stderr } = await preview(folder, "--task", "masked-lm", "--split", "test");
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/expected files of the split "test", got train, validation/),
    ]);
  });

  test("a file whose columns say nothing", async () => {
    const { code, stderr } = await preview(write("other.csv", ["x,y", "1,2"]));
    expect([code, stderr]).toEqual([2, expect.stringContaining("other.csv: expected")]);
  });
});
