/**
 * @file Parquet files of Hugging Face's datasets and of pyarrow as rows.
 *
 * Expected values: libs/training/fixtures/parquet/rows.json (tools/oracles/parquet_files.py).
 */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { BadRows } from "../../data/badRows.ts";
import type { DataRow } from "../../data/dataRow.ts";
import { tinyTokenizer } from "../../data/testing/tinyTokenizer.ts";
import type { ReadProgress } from "./fileBytes.ts";
import { loadExamples } from "./loadExamples.ts";
import { openDataFile } from "./openDataFile.ts";

const fixtures = fileURLToPath(new URL("../../../fixtures/parquet/", import.meta.url));
const expected = JSON.parse(readFileSync(`${fixtures}rows.json`, "utf8")) as {
  readonly codecs: readonly string[];
  readonly labels: readonly object[];
  readonly tags: readonly object[];
  readonly answers: readonly object[];
};
const scratch = mkdtempSync(join(tmpdir(), "stagecoach-parquet-"));
afterAll(() => rmSync(scratch, { recursive: true }));

async function rowsOf(path: string, onProgress?: (progress: ReadProgress) => void): Promise<DataRow[]> {
  const source = await openDataFile(path, { onProgress });
  expect(source.isTyped).toBe(true);
  const rows: DataRow[] = [];
  for await (const portion of source.read(new BadRows())) rows.push(...portion);
  return rows;
}

describe("a Parquet file", () => {
  test("of datasets: names of classes, row groups, exact 64-bit numbers, and how far it is read", async () => {
    const progress: ReadProgress[] = [];
    const rows = await rowsOf(`${fixtures}labels.parquet`, (each) => progress.push(each));
    expect(rows).toEqual(expected.labels.map((values, index) => ({ line: index + 1, values })));
    expect(progress.map(({ bytesRead, bytesTotal }) => Math.round((7 * bytesRead) / bytesTotal))).toEqual([3, 6, 7]);
  });

  test("of datasets: lists of classes", async () => {
    expect((await rowsOf(`${fixtures}tags.parquet`)).map(({ values }) => values)).toEqual(expected.tags);
  });

  test.each(expected.codecs)("compressed by %s: nested values and nulls", async (codec) => {
    const rows = await rowsOf(`${fixtures}answers-${codec}.parquet`);
    expect(rows.map(({ values }) => values)).toEqual(expected.answers);
  });

  test("is known by its first bytes, and is trained on as others are", async () => {
    const path = join(scratch, "upload");
    copyFileSync(`${fixtures}tags.parquet`, path);
    const tokenizer = tinyTokenizer(["a", "red", "car", "road"]);
    const { task, labels, report } = await loadExamples({ path }, { tokenizer, columns: { tags: "ner_tags" } });
    expect([task.name, labels, report.numExamples]).toEqual(["token-classification", ["B-CAR", "B-ROAD", "O"], 2]);
  });

  test("that is cut off, or asked for as another format, or only named so, is refused", async () => {
    const path = join(scratch, "cut.parquet");
    copyFileSync(`${fixtures}labels.parquet`, path);
    truncateSync(path, 700);
    await expect(rowsOf(path)).rejects.toMatchObject({
      code: "data_format",
      message: expect.stringContaining("expected a whole Parquet file") as string,
    });
    await expect(openDataFile(`${fixtures}tags.parquet`, { format: "csv" })).rejects.toMatchObject({
      code: "data_format",
    });
    const text = join(scratch, "text.parquet");
    writeFileSync(text, '{"text":"a"}\n');
    await expect(rowsOf(text)).rejects.toMatchObject({ code: "data_format" });
  });
});
