import { describe, expect, test } from "vitest";
import { collate } from "../collate.ts";
import { encodeExamples } from "../encodeExamples.ts";
import { memoryRows, tinyTokenizer } from "../testing/tinyTokenizer.ts";

const tokenizer = tinyTokenizer(["a", "b", "c"]);
const sourceOf = (...rows: readonly Record<string, unknown>[]) => memoryRows(rows, { name: "rows.jsonl" });
const encode = (...rows: readonly Record<string, unknown>[]) =>
  encodeExamples(sourceOf(...rows), { tokenizer, task: "sentence-embedding", maxLength: 16 });
const neverDrawn = () => {
  throw new Error("nothing is drawn");
};
const pair = { anchor: "a", positive: "a b" };

async function batchOf(...rows: readonly Record<string, unknown>[]) {
  const { task, store } = await encode(...rows);
  const placed = rows.map((_, index) => ({ ...store.get(index), textId: 10 * index, random: neverDrawn }));
  return { task, batch: collate(task, placed, { masking: undefined, vocabulary: undefined }) };
}

describe("examples of sentence-embedding", () => {
  test("texts of an example lie together, each a text of its own; candidates are positives and hard negatives", async () => {
    const { task, batch } = await batchOf(
      { anchor: "a", positive: "a b", negatives: ["c", "a b c"] },
      { anchor: "b", positive: "c", negatives: ["a", "b"] },
    );
    expect(task).toMatchObject({ loss: { name: "in-batch-negatives", similarity: "cosine", scale: 20 }, numTexts: 4 });
    expect([...batch.lengths]).toEqual([3, 4, 3, 5, 3, 3, 3, 3]);
    expect([...batch.textIds]).toEqual([0, 1, 2, 3, 10, 11, 12, 13]);
    expect([...batch.tokenTypeIds].every((type) => type === 0)).toBe(true);
    const targets = Object.fromEntries(Object.entries(batch.targets).map(([name, { data }]) => [name, [...data]]));
    expect(targets).toEqual({
      anchor_rows: [0, 4],
      candidate_rows: [1, 2, 3, 5, 6, 7],
      positive_columns: [0, 3],
      candidate_columns: [0, 1, 2, 3, 4, 5],
    });
    expect(batch.counts).toEqual({ pairs: 2 });
  });

  test("one hard negative may stand in a column of its own", async () => {
    const { task } = await encode({ ...pair, negative: "c" }, { ...pair, negative: "b" });
    expect(task).toMatchObject({ numTexts: 3 });
  });

  test("two texts with a similarity are regression", async () => {
    const { task, batch } = await batchOf(
      { sentence1: "a", sentence2: "b", score: 0.25 },
      { sentence1: "b", sentence2: "c", score: -1 },
    );
    expect(task).toMatchObject({ loss: { name: "cosine-similarity" }, numTexts: 2 });
    expect([...batch.targets["similarities"]!.data]).toEqual([0.25, -1]);
    expect([...batch.targets["candidate_rows"]!.data]).toEqual([1, 3]);
  });

  test.each(["paragraphs", "sentences"])(
    "every entry of %s is an example alone, and kept as it is written",
    async (column) => {
      const source = sourceOf({ [column]: ["a b", "c"] }, { [column]: ["b"] });
      const options = { tokenizer, task: "sentence-embedding", keepTexts: true } as const;
      const { task, store, texts } = await encodeExamples(source, options);
      expect(task).toMatchObject({ loss: { name: "none" }, numTexts: 1 });
      expect(texts).toEqual(["a b", "c", "b"]);
      expect([...store.lengths]).toEqual([4, 3, 3]);
    },
  );

  test("the task is guessed from anchors and positives", async () => {
    const { task } = await encodeExamples(sourceOf(pair, pair), { tokenizer });
    expect(task.name).toBe("sentence-embedding");
  });

  test("a number for two texts is a label, unless the task is named", async () => {
    const rows = [0, 1].map((score) => ({ sentence1: "a", sentence2: "b", score }));
    const { task } = await encodeExamples(sourceOf(...rows), { tokenizer });
    expect(task.name).toBe("sequence-classification");
  });

  test.each([
    [{ ...pair, positive: " " }, /rows.jsonl, line 2.*positive.*expected text, got none/],
    [{ ...pair, anchor: 5 }, /anchor.*expected text, got 5/],
  ])("a text that is none names its place: %j", async (row, message) => {
    await expect(encode(pair, row)).rejects.toThrow(message);
  });

  test("every example has as many hard negatives as the first", async () => {
    const rows = [
      { ...pair, negatives: ["a", "b"] },
      { ...pair, negatives: ["a"] },
    ];
    await expect(encode(...rows)).rejects.toThrow(/negatives.*expected a list of 2 as in the first row/);
  });

  test("in a file whose values are all text, hard negatives are a list as JSON, never the words of a text", async () => {
    const csv = (...rows: readonly Record<string, string>[]) =>
      encodeExamples(memoryRows(rows, { isTyped: false }), { tokenizer, task: "sentence-embedding" });
    const row = { ...pair, negatives: '["a b", "c"]' };
    expect((await csv(row, row)).task).toMatchObject({ numTexts: 4 });
    const plain = { ...pair, negatives: "a b" };
    await expect(csv(plain, plain)).rejects.toThrow(/negatives.*expected a list as JSON, got "a b"/);
  });

  test.each([4, "", "near", null, true])("a similarity must be one: %j", async (score) => {
    const rows = [
      { sentence1: "a", sentence2: "b", score: 1 },
      { sentence1: "a", sentence2: "b", score },
    ];
    await expect(encode(...rows)).rejects.toThrow(/score.*expected a similarity from -1 to 1.*divide marks/);
  });
});
