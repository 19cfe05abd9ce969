/** @file `/v1/files/{file_id}/preview`: how files begin, of every format and wrong ones; nothing trains (test/harness/startJobApp.ts). */
import { cpSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { repository } from "../harness/paths.ts";
import { startJobApp, type JobApp } from "../harness/startJobApp.ts";

let app: JobApp;
beforeAll(async () => {
  app = await startJobApp();
  await app.lazy.get();
});
afterAll(() => app[Symbol.asyncDispose]());

type Preview = {
  readonly format: string | null;
  readonly columns: readonly { name: string; kind: string; examples: unknown[] }[];
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly lines: readonly (number | null)[];
  readonly has_more: boolean;
  readonly guess: { task: string | null; tasks: string[]; columns: object; unused: string[]; reason: string };
  readonly problems: readonly { message: string; line: number | null; column: string | number | null }[];
};

/** @returns the file's id and where its content is */
async function upload(content: string | Uint8Array<ArrayBuffer>, name: string) {
  const form = new FormData();
  form.set("purpose", "user_data");
  form.set("file", new Blob([content]), name);
  const response = await fetch(`${app.url}/v1/files`, { method: "POST", body: form });
  expect(response.status).toBe(200);
  const { id } = (await response.json()) as { id: string };
  return { id, path: app.test.jobs.files.pathOf(await app.test.jobs.files.find(id)) };
}

async function previewOf(id: string, query = ""): Promise<Preview> {
  const response = await app.get(`/v1/files/${id}/preview${query}`);
  expect(response.status).toBe(200);
  return (await response.json()) as Preview;
}
const preview = async (content: string | Uint8Array<ArrayBuffer>, name: string, query = "") =>
  previewOf((await upload(content, name)).id, query);

const lines = (...rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

describe("GET /v1/files/{file_id}/preview", () => {
  test("of JSONL: rows with their lines, kinds of columns, and the task", async () => {
    const rows = [
      { text: "a", label: "x", id: 1, tags: ["y"], extra: null },
      { text: "b", label: 5, id: 2.5, tags: [] },
      { text: "a", label: "z", id: 3 },
    ];
    const found = await preview(`${lines(rows[0])}\n${lines(...rows.slice(1))}`, "train.jsonl", "?rows=2");
    expect(found).toEqual({
      object: "file.preview",
      format: "jsonl",
      columns: [
        { name: "text", kind: "text", examples: ["a", "b"] },
        { name: "label", kind: "mixed", examples: ["x", 5] },
        { name: "id", kind: "number", examples: [1, 2.5] },
        { name: "tags", kind: "list", examples: [["y"], []] },
        { name: "extra", kind: "empty", examples: [] },
      ],
      rows: rows.slice(0, 2),
      lines: [1, 3],
      has_more: true,
      guess: {
        task: "sequence-classification",
        tasks: expect.arrayContaining(["sequence-classification", "masked-lm"]) as string[],
        columns: { text: "text", label: "label" },
        unused: ["id", "tags", "extra"],
        reason: "Columns that are known for sequence-classification: text, label; not used: id, tags, extra.",
      },
      problems: [],
    });
    expect(found.guess.tasks).not.toContain("question-answering");
  });

  test("of CSV, packed: all is text, and what reads as numbers is told so", async () => {
    const found = await preview(Uint8Array.from(gzipSync('a,b,c\nx,1,"[1]"\n"y\nz",-2.5e3,[]\n')), "t.csv.gz");
    expect(found.format).toBe("csv");
    expect(found.columns.map(({ name, kind }) => [name, kind])).toEqual([
      ["a", "text"],
      ["b", "number"],
      ["c", "list"],
    ]);
    expect(found.rows[1]).toEqual({ a: "y\nz", b: "-2.5e3", c: "[]" });
    expect(found.lines).toEqual([2, 3]);
    expect(found.guess).toMatchObject({ task: null, columns: {}, unused: ["a", "b", "c"] });
    expect(found.guess.reason).toMatch(/^t\.csv\.gz: expected columns that tell the task, one of .*; got \{a, b, c\}/);
  });

  test("of Parquet, SQuAD's JSON and text", async () => {
    const parquet = await upload("a", "tags.parquet");
    cpSync(join(repository, "libs/training/fixtures/parquet/tags.parquet"), parquet.path);
    const tags = await previewOf(parquet.id, "?rows=1");
    expect(tags).toMatchObject({ format: "parquet", guess: { task: "token-classification" }, lines: [1] });
    const qas = [{ id: "1", question: "q", answers: [{ text: "c", answer_start: 0 }] }];
    const squad = { data: [{ paragraphs: [{ qas, context: "c" }] }] };
    expect(await preview(JSON.stringify(squad), "squad.json")).toMatchObject({
      format: "json",
      rows: [{ id: "1", question: "q", context: "c" }],
      lines: [null],
      guess: { task: "question-answering", columns: { context: "context", question: "question", answers: "answers" } },
    });
    expect(await preview("one\n\ntwo\n", "lines.txt")).toMatchObject({
      format: "text",
      rows: [{ text: "one" }, { text: "two" }],
      lines: [1, 3],
      has_more: false,
      guess: { task: "masked-lm" },
    });
  });

  test("rows that cannot be read are told with their places, the others are shown", async () => {
    const found = await preview(`${lines({ text: "a" })}{"text":"b" 5}\n7\n${lines({ text: "c" })}`, "t.jsonl");
    expect(found.lines).toEqual([1, 4]);
    expect(found.problems).toEqual([
      {
        message: expect.stringMatching(/^t\.jsonl, line 2, character 13: expected JSON/) as string,
        line: 2,
        column: 13,
      },
      { message: expect.stringMatching(/^t\.jsonl, line 3: expected a JSON object/) as string, line: 3, column: null },
    ]);
    const quotes = await preview('text,label\na,x\n"b,y\n', "t.csv");
    expect(quotes.rows).toEqual([{ text: "a", label: "x" }]);
    expect(quotes.problems).toMatchObject([
      { message: expect.stringMatching(/^t\.csv, line 3: expected balanced/) as string },
    ]);
    const none = { format: null, rows: [], columns: [], guess: { task: null } };
    expect(await preview("\n \n", "t.jsonl")).toMatchObject({
      ...none,
      problems: [{ message: "t.jsonl: expected examples, got an empty file", line: null }],
    });
    expect((await preview("picture", "picture.png")).problems[0]!.message).toMatch(
      /^picture\.png: expected the extension/,
    );
    // Nobody waits for the end of a file of such rows.
    expect((await preview("7\n".repeat(400), "t.jsonl")).problems.map(({ line }) => line)).toEqual(
      Array.from({ length: 21 }, (_, index) => index + 1),
    );
  });

  test("texts and lists that are long are cut", async () => {
    const { id, path } = await upload("a", "t.jsonl");
    writeFileSync(path, lines({ text: "a".repeat(3000), tokens: Array(501).fill("b") }));
    const [row] = (await previewOf(id)).rows;
    expect(row!["text"]).toBe(`${"a".repeat(2000)}…`);
    expect(row!["tokens"]).toEqual([...Array(500).fill("b"), "…"]);
  });

  test.each(["jsonl", "csv", "json"])("of 2 GB of %s reads the beginning only", async (format) => {
    const starts = {
      jsonl: lines({ text: "a" }, { text: "b" }),
      csv: `text\n${"a\n".repeat(400)}`,
      json: '[{"text":"a"},{"text":"b"},',
    };
    const { id, path } = await upload(starts[format as keyof typeof starts], `${format}.${format}`);
    truncateSync(path, 2e9);
    const read = () => Number(/rchar: (\d+)/.exec(readFileSync("/proc/self/io", "utf8"))![1]);
    const before = read();
    expect((await previewOf(id, "?rows=1")).rows).toEqual([{ text: "a" }]);
    expect(read() - before).toBeLessThan(20e6);
  });

  test("of a file that is not there, or of rows that are not to be had", async () => {
    expect((await app.get("/v1/files/file-x/preview")).status).toBe(404);
    for (const rows of ["0", "101", "a"])
      expect((await app.get(`/v1/files/file-x/preview?rows=${rows}`)).status).toBe(400);
  });
});
