/** @file Steps and evaluation batches: what is in them, and that they depend on nothing but seed, epoch and index. */
import { describe, expect, test } from "vitest";
import type { TrainingBatch } from "@stagecoach/transformer";
import { BatchedDataSet, type BatchedDataSetOptions } from "./batchedDataSet.ts";
import type { DataRow } from "./dataRow.ts";
import { encodeExamples, type EncodeExamplesOptions } from "./encodeExamples.ts";
import { memoryRows, special, tinyTokenizer } from "./testing/tinyTokenizer.ts";

const words = Array.from({ length: 30 }, (_, i) => `w${i}`);
const tokenizer = tinyTokenizer(words);
const options = { seed: 9, batchSize: 8 };

/** Texts of 1 to 30 words with three labels. */
const rows = Array.from({ length: 50 }, (_, i) => ({
  text: words.slice(0, 1 + ((i * 7) % 30)).join(" "),
  label: "abc"[i % 3],
}));

async function dataSet(
  values: readonly DataRow["values"][],
  { encode = {}, ...rest }: Partial<BatchedDataSetOptions> & { readonly encode?: Partial<EncodeExamplesOptions> } = {},
) {
  const encoded = await encodeExamples(memoryRows(values), { tokenizer, ...encode });
  return new BatchedDataSet(encoded, { ...options, ...rest });
}

async function onlyBatch(values: readonly DataRow["values"][], encode: Partial<EncodeExamplesOptions> = {}) {
  const data = await dataSet(values, { batchSize: values.length, ordering: "sequential", encode });
  return data.batch(0, 0).microBatches[0]!;
}

const target = (batch: TrainingBatch, name: string) => {
  const { dtype, shape, data } = batch.targets[name]!;
  return { dtype, shape, data: Array.from(data) };
};

describe("BatchedDataSet", () => {
  test("gives each example once an epoch, in batches of the size asked for and a smaller last one", async () => {
    const data = await dataSet(rows);
    const sizes = Array.from({ length: data.numBatches(0) }, (_, i) => data.batch(0, i).examples.length);
    expect(sizes).toEqual([8, 8, 8, 8, 8, 8, 2]);
    const all = sizes.flatMap((_, i) => Array.from(data.batch(0, i).examples));
    expect(all.toSorted((a, b) => a - b)).toEqual(Array.from(rows.keys()));
    expect(() => data.batch(0, 7)).toThrow(/batch 7: there are 7/);
  });

  test("gives the same bytes for an epoch and index, whatever was asked before", async () => {
    const [first, second] = [await dataSet(rows), await dataSet(rows)];
    first.batch(0, 0);
    first.batch(2, 5);
    expect(first.batch(1, 3)).toEqual(second.batch(1, 3));
    expect(first.batch(1, 3)).not.toEqual(first.batch(2, 3));
  });

  test("cuts a step into micro-batches without changing what is in it", async () => {
    const whole = (await dataSet(rows)).batch(0, 1);
    const cut = (await dataSet(rows, { microBatches: { count: 4 } })).batch(0, 1);
    expect(cut.microBatches).toHaveLength(4);
    expect(cut.examples).toEqual(whole.examples);
    const labels = (batches: readonly TrainingBatch[]) =>
      batches.reduce((total, { counts }) => total + counts["labels"]!, 0);
    expect(labels(cut.microBatches)).toBe(labels(whole.microBatches));
    expect(cut.numTokens).toBe(whole.numTokens);
    expect(cut.numPaddedTokens).toBeLessThan(whole.numPaddedTokens);
    const ids = (batches: readonly TrainingBatch[]) => new Set(batches.flatMap(({ textIds }) => Array.from(textIds)));
    expect(ids(cut.microBatches)).toEqual(ids(whole.microBatches));
  });

  test("numbers texts in the order of the run, on over epochs", async () => {
    const data = await dataSet(rows);
    const numbers = [0, 1].flatMap((epoch) =>
      Array.from({ length: 7 }, (_, i) => Array.from(data.batch(epoch, i).microBatches[0]!.textIds)).flat(),
    );
    expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  test("groups by length: less padding than in random order", async () => {
    const padding = async (ordering: "shuffled" | "by-length") => {
      const data = await dataSet([...rows, ...rows, ...rows, ...rows], { ordering });
      const steps = Array.from({ length: data.numBatches(0) }, (_, i) => data.batch(0, i));
      const sum = (part: "numTokens" | "numPaddedTokens") => steps.reduce((total, step) => total + step[part], 0);
      return 1 - sum("numTokens") / sum("numPaddedTokens");
    };
    expect(await padding("by-length")).toBeLessThan((await padding("shuffled")) / 3);
  });

  test("evaluates each example once, with similar lengths together", async () => {
    const data = await dataSet(rows, {
      examples: Int32Array.of(3, 10, 20, 30, 40),
      batchSize: 2,
      evaluationBatchSize: 2,
    });
    const batches = Array.from(data.evaluationBatches());
    expect(batches.flatMap(({ examples }) => Array.from(examples)).toSorted((a, b) => a - b)).toEqual([
      3, 10, 20, 30, 40,
    ]);
    const lengths = batches.flatMap(({ batch }) => Array.from(batch.lengths));
    expect(lengths).toEqual(lengths.toSorted((a, b) => a - b));
  });

  test("refuses a batch that is larger than the data", async () => {
    await expect(dataSet(rows, { batchSize: 51 })).rejects.toMatchObject({ code: "data_too_small" });
    await expect(dataSet(rows, { batchSize: 0 })).rejects.toMatchObject({ code: "data_option" });
  });
});

describe("masked-lm", () => {
  const texts = rows.map(({ text }) => ({ text }));
  const original = (batch: TrainingBatch) => {
    const ids = batch.inputIds.slice();
    const labels = batch.targets["masked_labels"]!.data;
    batch.targets["masked_rows"]!.data.forEach((row, i) => {
      ids[row] = labels[i]!;
    });
    return ids;
  };

  test("hides tokens anew in each epoch, and says what they were", async () => {
    const data = await dataSet(texts, { ordering: "sequential" });
    const [first, second] = [data.batch(0, 0).microBatches[0]!, data.batch(1, 0).microBatches[0]!];
    expect(first.inputIds).not.toEqual(second.inputIds);
    expect(original(first)).toEqual(original(second));
    expect(first.counts).toEqual({ masked_lm: first.targets["masked_rows"]!.data.length });
  });

  test("hides the same tokens in each evaluation", async () => {
    const [first, second] = [await dataSet(texts), await dataSet(texts)];
    second.batch(3, 2);
    expect(Array.from(first.evaluationBatches())).toEqual(Array.from(second.evaluationBatches()));
  });
});

describe("targets and counts", () => {
  test("single label, with the weights of classes", async () => {
    const values = ["x", "y", "x"].map((label) => ({ text: "w1", label }));
    const batch = await onlyBatch(values);
    expect(target(batch, "labels")).toEqual({ dtype: "int32", shape: [3], data: [0, 1, 0] });
    expect(batch.counts).toEqual({ labels: 3 });
    const encoded = await encodeExamples(memoryRows(values), { tokenizer });
    const task = { ...(encoded.task as { name: "sequence-classification" }), classWeights: [0.5, 4] };
    const weighted = new BatchedDataSet(encoded, { ...options, batchSize: 3, task: task as never });
    expect(weighted.batch(0, 0).microBatches[0]!.counts).toEqual({ labels: 5 });
  });

  test("several labels, and numbers: labels times classes", async () => {
    const several = await onlyBatch([
      { text: "w1", label: ["z", "x"] },
      { text: "w1", label: ["y"] },
    ]);
    expect(target(several, "labels")).toEqual({ dtype: "float32", shape: [2, 3], data: [1, 0, 1, 0, 1, 0] });
    expect(several.counts).toEqual({ labels: 6 });
    const numbers = await onlyBatch([
      { text: "w1", label: 0.5 },
      { text: "w1", label: 3 },
    ]);
    expect(target(numbers, "labels")).toEqual({ dtype: "float32", shape: [2, 1], data: [0.5, 3] });
  });

  test("pairs: token types of the second text", async () => {
    const batch = await onlyBatch([
      { text: "w1", text_pair: "w2 w3", label: 0 },
      { text: "w1 w2", text_pair: "w3", label: 1 },
    ]);
    expect(Array.from(batch.tokenTypeIds)).toEqual([0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 1, 1]);
    expect(Array.from(batch.lengths)).toEqual([6, 6]);
  });

  test("tags: rows of the packed batch", async () => {
    const batch = await onlyBatch([
      { tokens: ["w1", "w2"], tags: ["O", "X"] },
      { tokens: ["w3", "w4", "w5"], tags: ["X", "O", "O"] },
    ]);
    expect(target(batch, "label_rows").data).toEqual([1, 2, 5, 6, 7]);
    expect(target(batch, "labels").data).toEqual([0, 1, 1, 0, 0]);
    expect(batch.counts).toEqual({ labels: 5 });
  });

  test("spans: places within their texts", async () => {
    const batch = await onlyBatch([
      { context: "w1 w2 w3", question: "w4", answers: { text: ["w2 w3"], answer_start: [3] } },
      { context: "w1 w2 w3", question: "w4", answers: { text: [], answer_start: [] } },
    ]);
    expect(target(batch, "start_positions").data).toEqual([4, 0]);
    expect(target(batch, "end_positions").data).toEqual([5, 0]);
    expect(batch.counts).toEqual({ positions: 2 });
  });

  test("choices: the texts of each question", async () => {
    const batch = await onlyBatch([
      { prompt: "w1", choices: ["w2", "w3", "w5"], label: 2 },
      { prompt: "w1", choices: ["w2", "w3 w4", "w5"], label: 0 },
    ]);
    expect(target(batch, "choice_index")).toEqual({ dtype: "int32", shape: [2, 3], data: [0, 1, 2, 3, 4, 5] });
    expect(target(batch, "labels").data).toEqual([2, 0]);
    expect(Array.from(batch.lengths)).toEqual([5, 5, 5, 5, 6, 5]);
    expect(Array.from(batch.textIds)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(batch.counts).toEqual({ labels: 2 });
  });

  test("pre-training: masked rows of the packed batch, and whether the second segment is random", async () => {
    const documents = Array.from({ length: 6 }, (_, i) => ({ sentences: [words[i], words[i + 6], words[i + 12]] }));
    const data = await dataSet(documents, { batchSize: 4, encode: { task: "pretraining", maxLength: 12 } });
    const [batch] = data.batch(0, 0).microBatches;
    const masked = target(batch!, "masked_rows").data;
    expect(masked.every((row) => ![special.cls, special.sep].includes(batch!.inputIds[row] as 2 | 3))).toBe(true);
    expect(target(batch!, "masked_labels").data.every((label) => label > special.mask)).toBe(true);
    expect(target(batch!, "next_sentence_labels").shape).toEqual([4]);
    expect(batch!.counts).toEqual({ masked_lm: masked.length, next_sentence: 4 });
  });
});
