/** @file Rows of every task as encoded examples, and what is said about rows that are wrong. */
import { describe, expect, test } from "vitest";
import { DataError } from "./dataError.ts";
import type { DataRow } from "./dataRow.ts";
import { encodeExamples, type EncodeExamplesOptions } from "./encodeExamples.ts";
import { splitRows } from "./splitRows.ts";
import { fixture } from "../node/data/testing/dataFixture.ts";
import { memoryRows, tinyTokenizer } from "./testing/tinyTokenizer.ts";

const words = ["a", "b", "c", "d", "##x"];
const tokenizer = tinyTokenizer(words);
type Values = DataRow["values"];
type Options = Partial<EncodeExamplesOptions> & { readonly isTyped?: boolean };

function encode(rows: readonly Values[], { isTyped = true, ...options }: Options = {}) {
  return encodeExamples(memoryRows(rows, { isTyped }), { tokenizer, ...options });
}

async function errorOf(rows: readonly Values[], options: Options = {}): Promise<DataError> {
  const error: unknown = await encode(rows, options).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(DataError);
  return error as DataError;
}

const targets = async (rows: readonly Values[], options: Options = {}) => {
  const { store } = await encode(rows, options);
  return Array.from({ length: store.size }, (_, i) => Array.from(store.get(i).target));
};

describe("sequence classification", () => {
  const label = (...labels: unknown[]) => labels.map((each) => ({ text: "a b", label: each }));

  test("encodes texts and pairs with the tokenizer's template", async () => {
    const { store } = await encode([
      { text: "a bx", text_pair: "c", label: 0 },
      { text: "b", text_pair: "c d", label: 1 },
    ]);
    expect(store.get(0)).toEqual({
      ids: Int32Array.of(2, 5, 6, 9, 3, 7, 3),
      firstSegment: 5,
      target: Int32Array.of(0),
    });
    expect(store.get(1)).toMatchObject({ firstSegment: 3 });
  });

  test("sorts classes: text by code units, whole numbers by size, also in CSV", async () => {
    expect((await encode(label("b", "a", "10", "9"))).labels).toEqual(["10", "9", "a", "b"]);
    expect((await encode(label(10, 9, 9, 2))).labels).toEqual(["2", "9", "10"]);
    expect((await encode(label("10", "9", "2"), { isTyped: false })).labels).toEqual(["2", "9", "10"]);
    expect(await targets(label("b", "a", "b"))).toEqual([[1], [0], [1]]);
  });

  test("takes lists of labels as multi-label, in CSV as JSON", async () => {
    const encoded = await encode(label(["x", "y"], [], ["z"]));
    expect(encoded.task).toEqual({
      name: "sequence-classification",
      problemType: "multi_label_classification",
      numLabels: 3,
    });
    expect(await targets(label('["y", "x"]', '["x"]'), { isTyped: false })).toEqual([[0, 1], [0]]);
  });

  test("takes numbers with fractions, and a column called score, as regression", async () => {
    const { task, store } = await encode(label(1, 2.5));
    expect(task).toMatchObject({ problemType: "regression", numLabels: 1 });
    expect(new Float32Array(store.get(1).target.slice().buffer)[0]).toBe(2.5);
    const scores = [1, 2].map((score) => ({ sentence1: "a", sentence2: "b", score }));
    expect((await encode(scores)).task).toMatchObject({ problemType: "regression" });
    expect((await encode(label("1.0", "3"), { isTyped: false })).task).toMatchObject({ problemType: "regression" });
  });

  test("takes a chat's question as text and its answer as label", async () => {
    const chat = (question: unknown, answer: string) => ({
      messages: [
        { role: "system", content: "classify" },
        { role: "user", content: question },
        { role: "assistant", content: answer },
      ],
    });
    const encoded = await encode([chat("a", "no"), chat([{ type: "text", text: "b" }], "yes")]);
    expect(encoded.labels).toEqual(["no", "yes"]);
    expect(Array.from(encoded.store.get(1).ids)).toEqual([2, 6, 3]);
    const error = await errorOf([{ messages: [{ role: "user", content: "a" }] }]);
    expect(error).toMatchObject({ code: "data_value", line: 1, column: "messages" });
  });

  test("cuts long texts off, and counts them", async () => {
    const rows = [...label("x", "y"), { text: "a b c d a b", label: "x" }];
    const { report, store } = await encode(rows, { maxLength: 6 });
    expect(report).toMatchObject({ numTruncated: 1, longest: 6, numRows: 3, ignoredColumns: [] });
    expect(Array.from(store.get(2).ids)).toEqual([2, 5, 6, 7, 8, 3]);
  });

  test("refuses fractions for classification, with the line of the first", async () => {
    const error = await errorOf(label(1, 2, 2.5), { problemType: "single_label_classification" });
    expect(error).toMatchObject({ code: "data_label", line: 3, column: "label" });
    expect(error.message).toMatch(/expected classes \(text or whole numbers\), got a number with a fraction/);
  });

  test("refuses labels that training has not seen", async () => {
    const error = await errorOf(label("x", "z"), { labels: ["x", "y"] });
    expect(error).toMatchObject({ code: "data_label", line: 2 });
    expect(error.message).toMatch(/expected a known label \(x, y\), got "z"/);
  });

  test("takes 10,000 classes and refuses 10,001, with the line of the one too many", async () => {
    const rows = label(...Array.from({ length: 10_000 }, (_, i) => `class ${i}`));
    expect((await encode(rows)).labels).toHaveLength(10_000);
    const error = await errorOf([...rows, ...label("another")]);
    expect(error).toMatchObject({ code: "data_too_many_classes", line: 10_001 });
  });

  test("refuses labels of mixed types, of one class only, and none", async () => {
    expect(await errorOf(label("x", 1))).toMatchObject({ code: "data_label", line: 2 });
    expect(await errorOf(label("x", ["y"]))).toMatchObject({ code: "data_label", line: 2 });
    expect((await errorOf(label("x", "x"))).message).toMatch(/expected at least two classes, got only "x"/);
    expect(await errorOf(label("x", null))).toMatchObject({ code: "data_label", line: 2, column: "label" });
    expect(await errorOf(label("x", "y"), { problemType: "regression" })).toMatchObject({
      code: "data_label",
      line: 1,
    });
    expect(await errorOf(label([0, 1, 1], [1, 0, 0]))).toMatchObject({ code: "data_label", line: 1 });
  });

  test("refuses blank text and other values, and leaves such rows out if asked to", async () => {
    const rows = [...label("x", "y"), { text: " ", label: "x" }, { text: 5, label: "x" }];
    expect(await errorOf(rows)).toMatchObject({ code: "data_value", line: 3, column: "text" });
    const { report } = await encode(rows, { onBadRow: "skip" });
    expect(report).toMatchObject({ numRows: 2, numSkipped: 2 });
    expect(report.skipped[1]!.message).toBe('data.jsonl, line 4, column "text": expected text, got 5');
  });

  test("refuses one example, and none", async () => {
    const known = { labels: ["x", "y"] };
    expect(await errorOf(label("x"), known)).toMatchObject({ code: "data_too_small" });
    expect(await errorOf([], known)).toMatchObject({ code: "data_empty" });
  });
});

describe("token classification", () => {
  test.each(fixture.tags)(
    "gives pieces the labels of run_ner.py: $tokens, all $allPieces, $maxLength",
    async (each) => {
      const rows = [{ tokens: each.tokens, tags: each.tags }];
      const { store } = await encode([...rows, ...rows], {
        tokenizer: tinyTokenizer(fixture.words),
        labels: ["B-LOC", "I-LOC", "O"],
        labelAllPieces: each.allPieces,
        maxLength: each.maxLength,
      });
      const { ids, target } = store.get(0);
      const labels = each.ids.map(() => -100);
      for (let i = 0; i < target.length; i += 2) labels[target[i]!] = target[i + 1]!;
      expect(Array.from(ids)).toEqual(each.ids);
      expect(labels).toEqual(each.labels);
    },
  );

  test("takes words with spaces between them in CSV", async () => {
    const rows = [
      { tokens: "a bx", tags: "O B-X" },
      { tokens: '["c"]', tags: '["O"]' },
    ];
    expect(await targets(rows, { isTyped: false })).toEqual([
      [1, 1, 2, 0],
      [1, 1],
    ]);
  });

  test("refuses tags that are not as many as the words", async () => {
    const error = await errorOf([{ tokens: ["a", "b"], tags: ["O", "X", "O"] }]);
    expect(error).toMatchObject({ code: "data_value", line: 1, column: "tags" });
  });
});

describe("question answering", () => {
  test.each(fixture.questions)("gives the windows of run_qa.py: $question, $maxLength", async (each) => {
    const row = { question: each.question, context: each.context, answers: each.answers };
    const { maxLength, stride } = each;
    const { store } = await encode([row, row], { tokenizer: tinyTokenizer(fixture.words), maxLength, stride });
    const windows = each.windows.map((_, i) => {
      const { ids, firstSegment, target } = store.get(i);
      return { ids: Array.from(ids), firstSegment, start: target[0], end: target[1] };
    });
    expect(windows).toEqual(each.windows);
    expect(store.size).toBe(2 * each.windows.length);
  });

  const row = (answers: unknown) => ({ context: "a b \u{1f600} c", question: "d", answers });

  test("takes answers as SQuAD writes them, and none", async () => {
    const rows = [row([{ text: "c", answer_start: 6 }]), row({ text: ["c"], answer_start: [6] }), row([])];
    const first = (await targets(rows)).map((target) => target.slice(0, 3));
    expect(first).toEqual([[6, 6, 0], [6, 6, 1], [0, 0, 2]]); // prettier-ignore
  });

  test("keeps the questions for evaluation", async () => {
    const { questions } = await encode([{ ...row([{ text: "c", answer_start: 6 }]), id: 7 }, row([])]);
    expect(questions.get(0)).toEqual({ id: "7", context: "a b \u{1f600} c", answers: ["c"] });
    expect(questions.get(1)).toEqual({ context: "a b \u{1f600} c", answers: [] });
  });

  test("refuses a span outside its context, or where another text stands", async () => {
    const outside = await errorOf([row([{ text: "c", answer_start: 70 }])]);
    expect(outside).toMatchObject({ code: "data_span", line: 1, column: "answers" });
    expect(outside.message).toMatch(/expected "c" from character 70 .* got a context of 7 characters/);
    expect(await errorOf([row([{ text: "c", answer_start: 7 }])])).toMatchObject({ code: "data_span" });
    expect(await errorOf([row([{ text: "c", answer_start: 2 }])])).toMatchObject({ code: "data_span" });
    expect(await errorOf([row("c")])).toMatchObject({ code: "data_value" });
  });

  test("shares half of a window where the model is short, 128 tokens otherwise", async () => {
    const long = { ...row([]), context: "a b c d ".repeat(100) };
    const numWindows = async (options: { readonly maxLength: number; readonly stride?: number }) =>
      (await encode([long], options)).store.size;
    for (const [maxLength, stride] of [
      [24, 12],
      [300, 128],
    ] as const)
      expect(await numWindows({ maxLength })).toBe(await numWindows({ maxLength, stride }));
  });

  test("refuses a question that leaves no room for the context", async () => {
    const long = { ...row([]), question: "a b c d a b c d a b" };
    expect(await errorOf([long], { maxLength: 12, stride: 2 })).toMatchObject({ code: "data_value", line: 1 });
  });
});

describe("multiple choice", () => {
  const row = { prompt: "a", choices: ["b", "c d"], label: 1 };

  test("keeps the pairs of a question together", async () => {
    const { task, store } = await encode([row, row]);
    expect(task).toEqual({ name: "multiple-choice", numChoices: 2 });
    expect(Array.from(store.get(0).ids)).toEqual([2, 5, 3, 6, 3, 2, 5, 3, 7, 8, 3]);
    expect(Array.from(store.get(0).target)).toEqual([1, 5, 6, 3, 3]);
  });

  test("refuses another number of choices, and labels that name none", async () => {
    expect(await errorOf([row, { ...row, choices: ["b", "c", "d"] }])).toMatchObject({ line: 2, column: "choices" });
    expect(await errorOf([row, { ...row, label: 2 }])).toMatchObject({ line: 2, column: "label" });
  });
});

describe("masked-lm", () => {
  test("loses nothing of a long text: it becomes several examples of one row", async () => {
    const { store, rows, report } = await encode([{ text: "a b c d a b c" }, { text: "d" }], { maxLength: 5 });
    const ids = Array.from({ length: store.size }, (_, i) => Array.from(store.get(i).ids));
    expect(ids).toEqual([[2, 5, 6, 7, 3], [2, 8, 5, 6, 3], [2, 7, 3], [2, 8, 3]]); // prettier-ignore
    expect(Array.from({ length: rows.length }, (_, i) => rows.at(i))).toEqual([0, 0, 0, 1]);
    expect(report).toMatchObject({ numRows: 2, numExamples: 4, numTruncated: 0 });
  });
});

describe("pre-training", () => {
  const documents = Array.from({ length: 12 }, (_, i) => ({
    paragraphs: [`A ${words[i % 4]}. B c d.`, "C d a b."],
  }));

  test("makes pairs of sentences of each document, more with a greater dupeFactor", async () => {
    const options = { task: "pretraining", maxLength: 16 } as const;
    const { store, report } = await encode(documents, { ...options, pretraining: { dupeFactor: 2 } });
    const more = await encode(documents, { ...options, pretraining: { dupeFactor: 8 } });
    expect(report).toMatchObject({ numRows: 12, longest: 16 });
    expect(more.store.size).toBeGreaterThan(3 * store.size);
  });

  test("takes random sentences from the documents of the same set only", async () => {
    const names = Array.from({ length: 12 }, (_, i) => `w${i}`);
    const unlike = names.map((name) => ({ sentences: [`${name} ${name} ${name}`, name] }));
    const split = { validation: 0.4 };
    const options = { tokenizer: tinyTokenizer(names), task: "next-sentence", split, seed: 3 } as const;
    const { store, rows } = await encode(unlike, options);
    for (const members of Object.values(splitRows(12, { seed: 3, ...split }))) {
      const instances = Array.from({ length: rows.length }, (_, i) => i).filter((i) => members.includes(rows.at(i)));
      const used = new Set(instances.flatMap((i) => Array.from(store.get(i).ids)).filter((id) => id > 3));
      expect(used).toEqual(new Set(members.map((document) => 5 + document)));
    }
  });

  test("refuses a single document", async () => {
    const error = await errorOf([documents[0]!], { task: "pretraining" });
    expect(error).toMatchObject({ code: "data_too_small", file: "data.jsonl" });
  });
});
