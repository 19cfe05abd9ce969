/** @file Files as rows: formats, compression, encodings, and what is said about files that are wrong. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { BadRows } from "../../data/badRows.ts";
import { DataError } from "../../data/dataError.ts";
import type { DataRow } from "../../data/dataRow.ts";
import { openDataFile, type DataFileOptions } from "./openDataFile.ts";

const folder = mkdtempSync(join(tmpdir(), "stagecoach-rows-"));
afterAll(() => rmSync(folder, { recursive: true }));

type Options = DataFileOptions & { readonly bad?: BadRows };

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function rowsOf(name: string, content: string | Uint8Array, options: Options = {}): Promise<DataRow[]> {
  const { bad = new BadRows(), ...rest } = options;
  const source = await openDataFile(write(name, content), { name, ...rest });
  const rows: DataRow[] = [];
  for await (const portion of source.read(bad)) rows.push(...portion);
  return rows;
}

async function errorOf(name: string, content: string | Uint8Array, options: Options = {}): Promise<DataError> {
  const error: unknown = await rowsOf(name, content, options).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(DataError);
  return error as DataError;
}

const both = [
  { line: 1, values: { text: "a", label: "x" } },
  { line: 3, values: { text: "b, \u00e9", label: "y" } },
];
const jsonl = '{"text":"a","label":"x"}\n\n{"text":"b, \u00e9","label":"y"}\n';

describe("openDataFile()", () => {
  test("reads JSONL with the line of each row, blank lines aside, and a last line without end", async () => {
    expect(await rowsOf("a.jsonl", jsonl)).toEqual(both);
    expect(await rowsOf("a.ndjson", jsonl.trimEnd().replaceAll("\n", "\r\n"))).toEqual(both);
  });

  test("knows gzip by its first bytes, whatever the name", async () => {
    expect(await rowsOf("b.jsonl", gzipSync(jsonl))).toEqual(both);
    expect(await rowsOf("b.jsonl.gz", gzipSync(jsonl))).toEqual(both);
  });

  test("knows JSONL without an extension by its first character, and refuses other files without one", async () => {
    expect(await rowsOf("upload", jsonl)).toEqual(both);
    expect(await errorOf("upload", "some text")).toMatchObject({ code: "data_format", file: "upload" });
    expect(await rowsOf("upload", "some text", { format: "text" })).toHaveLength(1);
  });

  test.each(["a", "ok", "\u00e9"])("reads a file of a byte or two: %j", async (text) => {
    expect(await rowsOf("short.txt", text)).toMatchObject([{ line: 1, values: { text } }]);
  });

  test("reads CSV and TSV: quotes, line ends within values, and names without the spaces around them", async () => {
    const csv = 'text , label\n"a ""1"", 2\nmore",x\n\nb,y\n';
    expect(await rowsOf("a.csv", csv)).toEqual([
      { line: 2, values: { text: 'a "1", 2\nmore', label: "x" } },
      { line: 5, values: { text: "b", label: "y" } },
    ]);
    expect(await rowsOf("a.tsv", "text\tlabel\r\na, b\tx\r\n")).toEqual([
      { line: 2, values: { text: "a, b", label: "x" } },
    ]);
  });

  test("takes a byte order mark of UTF-8 off", async () => {
    expect(await rowsOf("bom.jsonl", `\ufeff${jsonl}`)).toEqual(both);
    expect((await rowsOf("bom.csv", "\ufefftext,label\na,b\n"))[0]!.values).toEqual({ text: "a", label: "b" });
  });

  test("reads characters that lie across the portions in which a file is read", async () => {
    const text = "x\u00e9\u20ac\u{1f600}".repeat(100_000);
    const rows = await rowsOf("long.txt", `${text}\n${text.slice(1)}\n`);
    expect(rows.map(({ values }) => values.text)).toEqual([text, text.slice(1)]);
  });

  test("reads a list of objects from one JSON value", async () => {
    const rows = await rowsOf("a.json", '[{"text ":"a","label":1}]');
    expect(rows).toEqual([{ line: undefined, values: { text: "a", label: 1 } }]);
  });

  test("reads SQuAD 2.0: a row a question, without answers where it is impossible", async () => {
    const qas = [
      { id: "1", question: "who?", answers: [{ text: "she", answer_start: 0 }], is_impossible: false },
      { id: "2", question: "why?", answers: [], plausible_answers: [], is_impossible: true },
    ];
    const squad = { version: "v2.0", data: [{ title: "t", paragraphs: [{ context: "she ran", qas }] }] };
    const rows = await rowsOf("squad.json", JSON.stringify(squad));
    expect(rows.map(({ values }) => [values.id, values.context, values.answers])).toEqual([
      ["1", "she ran", [{ text: "she", answer_start: 0 }]],
      ["2", "she ran", []],
    ]);
  });

  test("reads plain text as a text a line, as documents of paragraphs, or as documents of sentences", async () => {
    const text = " one \ntwo\n\n\nthree\n";
    expect(await rowsOf("a.txt", text)).toEqual([
      { line: 1, values: { text: "one" } },
      { line: 2, values: { text: "two" } },
      { line: 5, values: { text: "three" } },
    ]);
    const documents = (column: string) => [
      { line: 1, values: { [column]: ["one", "two"] } },
      { line: 5, values: { [column]: ["three"] } },
    ];
    expect(await rowsOf("a.txt", text, { hasDocuments: true })).toEqual(documents("paragraphs"));
    expect(await rowsOf("a.txt", text, { format: "sentences" })).toEqual(documents("sentences"));
  });

  test("says how much has been read", async () => {
    const seen: number[] = [];
    const content = jsonl.repeat(20_000);
    await rowsOf("p.jsonl", content, { onProgress: ({ bytesRead, bytesTotal }) => seen.push(bytesRead / bytesTotal) });
    expect(seen.length).toBeGreaterThan(2);
    expect(seen.at(-1)).toBe(1);
  });

  test("stops when its signal aborts", async () => {
    const controller = new AbortController();
    const content = jsonl.repeat(20_000);
    const onProgress = () => controller.abort(new Error("stop"));
    await expect(rowsOf("s.jsonl", content, { signal: controller.signal, onProgress })).rejects.toThrow("stop");
  });
});

describe("a file that is wrong", () => {
  test("empty, or blank: says so", async () => {
    for (const content of ["", " \n\n", gzipSync("")]) {
      expect(await errorOf("e.jsonl", content)).toMatchObject({ code: "data_empty", file: "e.jsonl" });
    }
  });

  test("missing: says so", async () => {
    await expect(openDataFile(join(folder, "none.jsonl"))).rejects.toMatchObject({ code: "data_unreadable" });
  });

  test.each(["utf-16le with mark", "utf-16be with mark", "utf-16le without mark"])("%s: refused", async (kind) => {
    const little = Buffer.from(kind.includes("with mark") ? `\ufeff${jsonl}` : jsonl, "utf16le");
    const content = kind.includes("be") ? Buffer.from(little).swap16() : little;
    const error = await errorOf("u.jsonl", content);
    expect(error.code).toBe("data_encoding");
    expect(error.message).toBe("u.jsonl: expected UTF-8, got UTF-16 (save the file as UTF-8)");
  });

  test("bytes that are not UTF-8: names the line", async () => {
    const content = Buffer.concat([Buffer.from("text,label\na,b\n"), Buffer.from([0xe9, 0x2c, 0x62, 0x0a])]);
    expect(await errorOf("latin.csv", content)).toMatchObject({ code: "data_encoding", line: 3 });
    const cut = Buffer.from("text\nabc\u20ac").subarray(0, -1);
    expect(await errorOf("cut.csv", cut)).toMatchObject({ code: "data_encoding", line: 2 });
  });

  test("damaged gzip: says so", async () => {
    const error = await errorOf("d.jsonl.gz", gzipSync(jsonl.repeat(1000)).subarray(0, -20));
    expect(error).toMatchObject({ code: "data_encoding", file: "d.jsonl.gz" });
  });

  test("malformed JSON: names line and character", async () => {
    const error = await errorOf("m.jsonl", '{"text":"a"}\n{"text":"b",}\n');
    expect(error).toMatchObject({ code: "data_format", line: 2, column: 13 });
    expect(error.message).toMatch(/^m\.jsonl, line 2, character 13: expected JSON/);
  });

  test("JSON that is no object: names the line", async () => {
    expect(await errorOf("n.jsonl", '{"text":"a"}\n["b"]\n')).toMatchObject({ code: "data_format", line: 2 });
  });

  test("a quote that is never closed: names the line where it opens", async () => {
    const error = await errorOf("q.csv", 'text,label\na,x\n"b,y\nc,z\n');
    expect(error).toMatchObject({ code: "data_format", line: 3 });
    expect(error.message).toMatch(/expected balanced quotes, got a quote that is never closed/);
  });

  test("text after a closing quote, and a quote within a value: name the line", async () => {
    expect(await errorOf("q.csv", 'text,label\n"a" b,x\n')).toMatchObject({ code: "data_format", line: 2 });
    expect(await errorOf("q.csv", 'text,label\na,x\nb "c",x\n')).toMatchObject({ code: "data_format", line: 3 });
  });

  test("a CSV row of another width: names the line and the columns", async () => {
    const error = await errorOf("w.csv", "text,label\na,x\nb,y,z\n");
    expect(error.message).toMatch(/^w\.csv, line 3: expected 2 values \(text, label\), got 3/);
  });

  test("a CSV header with a name twice, or without one: says which", async () => {
    expect(await errorOf("h.csv", "text,text \na,b\n")).toMatchObject({ column: "text", line: 1 });
    expect((await errorOf("h.csv", "text,\na,b\n")).message).toMatch(/expected a name for column 2/);
  });

  test("a line of more than 64 MiB: refused instead of read into memory", async () => {
    const error = await errorOf("l.txt", Buffer.alloc(70 * 2 ** 20, "a"));
    expect(error).toMatchObject({ code: "data_format", line: 1 });
  });

  test("bad rows can be left out: they are counted, and the first are told", async () => {
    const bad = new BadRows("skip");
    const lines = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? `{"text":"${i}"}` : `{"text":${i}`));
    expect(await rowsOf("s.jsonl", lines.join("\n"), { bad })).toHaveLength(10);
    expect(bad.count).toBe(10);
    expect(bad.errors).toHaveLength(10);
    expect(bad.errors[0]!.message).toMatch(/^s\.jsonl, line 2/);
  });

  test("bad rows can be left out up to a number: the next one is an error", async () => {
    const bad = new BadRows("skip", { limit: 3 });
    const rows = rowsOf("m.jsonl", '{"text":"a"}\n'.repeat(2) + "{\n".repeat(9), { bad });
    await expect(rows).rejects.toMatchObject({ code: "data_format", line: 6 });
    expect(bad.errors.map(({ line }) => line)).toEqual([3, 4, 5]);
  });

  test("of a file that is one value, the beginning can be read without the rest", async () => {
    const rows = Array.from({ length: 40_000 }, (_, id) => ({ text: "the layers of the workers", id }));
    const text = JSON.stringify(rows).slice(0, -2);
    await expect(rowsOf("large.json", text)).rejects.toMatchObject({ code: "data_format" });
    const beginning = await rowsOf("large.json", text, { onlyBeginning: true });
    expect(beginning.length).toBeGreaterThan(1000);
    expect(beginning.length).toBeLessThan(rows.length);
    expect(beginning.map(({ values }) => values)).toEqual(rows.slice(0, beginning.length));
  });
});
