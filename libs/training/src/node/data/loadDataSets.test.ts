/** @file Files of a job as sets that agree, and memory that does not grow with the files. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { answerData } from "../../data/answerData.ts";
import { BatchedDataSet } from "../../data/batchedDataSet.ts";
import { tinyTokenizer } from "../../data/testing/tinyTokenizer.ts";
import { loadDataSets, type DataSets } from "./loadDataSets.ts";
import { loadLargeFile } from "./testing/largeFile.ts";

const folder = mkdtempSync(join(tmpdir(), "stagecoach-sets-"));
afterAll(() => rmSync(folder, { recursive: true }));

const tokenizer = tinyTokenizer(["a", "b", "c"]);
const seed = 4;

function write(name: string, rows: readonly object[]) {
  const path = join(folder, name);
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return { path, name };
}

const rows = Array.from({ length: 100 }, (_, i) => ({ text: "a b c".slice(0, 1 + 2 * (i % 3)), label: "xxxy"[i % 4] }));
const train = write("train.jsonl", rows);
const shareOfY = ({ encoded, examples }: DataSets["train"]) =>
  Array.from(examples).filter((example) => encoded.store.get(example).target[0] === 1).length / examples.length;

describe("loadDataSets()", () => {
  test("sets shares of one file aside, with the same share of each class", async () => {
    const sets = await loadDataSets({ train, tokenizer, seed, split: { validation: 0.2, test: 0.2 } });
    const all = [sets.train, sets.validation!, sets.test!];
    expect(all.map(({ examples }) => examples.length)).toEqual([60, 20, 20]);
    for (const set of all) expect(shareOfY(set)).toBeCloseTo(0.25, 1);
    const examples = all.flatMap((set) => Array.from(set.examples));
    expect(examples.toSorted((a, b) => a - b)).toEqual(Array.from(rows.keys()));
    sets.close();
  });

  test("reads a validation file with the labels of training, and then sets nothing aside for it", async () => {
    const validation = write("validation.jsonl", [rows[3]!, rows[7]!]); // only one of the two labels
    const sets = await loadDataSets({ train, validation, tokenizer, split: { validation: 0.2 } });
    expect(sets.train.examples).toHaveLength(100);
    expect(shareOfY(sets.validation!)).toBe(1);
    expect(sets.reports.map(({ file }) => file)).toEqual(["train.jsonl", "validation.jsonl"]);
    sets.close();
  });

  test("refuses a label of the validation file that training does not have", async () => {
    const validation = write("other.jsonl", [rows[0]!, { text: "a", label: "z" }]);
    await expect(loadDataSets({ train, validation, tokenizer })).rejects.toMatchObject({
      code: "data_label",
      file: "other.jsonl",
      line: 2,
      column: "label",
    });
  });

  test("makes ten variants of a document to train on, and one to measure by, of a file or of a share", async () => {
    const documents = Array.from({ length: 20 }, () => ({ sentences: ["a b", "b c", "c a", "a c b"] }));
    const [file, other] = [write("documents.jsonl", documents), write("measured.jsonl", documents)];
    const load = { train: file, tokenizer, seed, task: "pretraining", maxLength: 64 } as const;
    const separate = await loadDataSets({ ...load, validation: other });
    expect(separate.train.examples.length / separate.validation!.examples.length).toBeCloseTo(10, 0);
    separate.close();
    const shared = await loadDataSets({ ...load, split: { validation: 0.5 } });
    expect(shared.train.examples.length / shared.validation!.examples.length).toBeCloseTo(10, 0);
    shared.close();
  });

  test("says which pass over the file is how far", async () => {
    const passes: string[] = [];
    const sets = await loadDataSets({ train, tokenizer, onProgress: ({ pass }) => passes.push(pass) });
    expect(new Set(passes)).toEqual(new Set(["scan", "encode"]));
    sets.close();
  });

  test("gives evaluation the windows and questions of its set", async () => {
    const file = write(
      "questions.jsonl",
      Array.from({ length: 10 }, (_, i) => ({
        context: "a b ".repeat(1 + i).trim(),
        question: "c",
        answers: i === 0 ? [] : [{ text: "b", answer_start: 2 }],
      })),
    );
    const load = { train: file, tokenizer, seed, maxLength: 12, stride: 2, split: { validation: 0.3 } };
    const sets = await loadDataSets(load);
    const { encoded, examples } = sets.validation!;
    const { questions, windows } = answerData(encoded, examples);
    expect(questions).toHaveLength(3);
    const data = new BatchedDataSet(encoded, { seed, batchSize: 2, examples });
    for (const { batch, examples: numbers } of data.evaluationBatches()) {
      numbers.forEach((number, i) => {
        const { offsets, question } = windows[number]!;
        expect(offsets.length).toBe(2 * batch.lengths[i]!);
        const { context } = questions[question]!;
        const token = 3; // [CLS] question [SEP] and then the context
        expect("ab").toContain(context.slice(offsets[2 * token], offsets[2 * token + 1]));
        expect(offsets[0]).toBe(-1);
      });
    }
    sets.close();
  });

  test("leaves no temporary files behind, whether it ends or fails", async () => {
    const scratch = mkdtempSync(join(folder, "scratch-"));
    const options = { train, tokenizer, folder: scratch, maxMemoryBytes: 0 };
    const sets = await loadDataSets(options);
    expect(readdirSync(scratch)).toEqual([]);
    sets.close();
    await expect(loadDataSets({ ...options, labels: ["x"] })).rejects.toThrow(/expected a known label/);
    expect(readdirSync(scratch)).toEqual([]);
  });
});

describe("a file larger than memory", () => {
  const megabytes = 100;

  test(`${megabytes} MB of text are read, encoded and batched by a process of at most 220 MB`, async () => {
    const { numTokens, peakMegabytes } = await loadLargeFile(folder, megabytes);
    expect(numTokens).toBeGreaterThan(25e6);
    expect(peakMegabytes).toBeLessThan(220);
  }, 120_000);
});
