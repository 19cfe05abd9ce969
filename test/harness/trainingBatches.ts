/** @file Made-up training batches for tests: seeded tokens, lengths of every kind, labels that follow from the tokens. */
import type { Target, TrainingBatch } from "@stagecoach/transformer";
import { seededRandom } from "./random.ts";

const int32 = (values: readonly number[]): Target => ({
  dtype: "int32",
  shape: [values.length],
  data: Int32Array.from(values),
});

export type MadeBatchOptions = {
  readonly seed: number;
  readonly vocabSize: number;
  readonly maxLength: number;
  readonly numTexts: number;
  readonly firstText: number;
  readonly task: "sequence-classification" | "masked-lm" | "pretraining" | "sentence-embedding";
};

/**
 * Texts of 3 to `maxLength` tokens; classes 0 to 2; one token in five is masked, at least one per text. For sentence vectors each
 * of the texts is an anchor that has its positive behind it.
 */
export function madeBatch({
  seed,
  vocabSize,
  maxLength,
  firstText,
  task,
  ...options
}: MadeBatchOptions): TrainingBatch {
  const numTexts = options.numTexts * (task === "sentence-embedding" ? 2 : 1);
  const random = seededRandom(seed * 1000 + firstText);
  const below = (limit: number) => Math.floor(random() * limit);
  const lengths = Array.from({ length: numTexts }, () => 3 + below(maxLength - 2));
  const numTokens = lengths.reduce((a, b) => a + b, 0);
  const ids = Array.from({ length: numTokens }, () => 5 + below(vocabSize - 5));
  const starts = lengths.map((_, text) => lengths.slice(0, text).reduce((a, b) => a + b, 0));
  const rows = lengths.flatMap((length, text) =>
    Array.from({ length }, (__, place) => starts[text]! + place).filter((_, place) => place === 1 || below(5) === 0),
  );
  const masked = {
    targets: { masked_rows: int32(rows), masked_labels: int32(rows.map((row) => ids[row]!)) },
    counts: { masked_lm: rows.length },
  };
  const sentence = {
    targets: { next_sentence_labels: int32(lengths.map((length) => length % 2)) },
    counts: { next_sentence: numTexts },
  };
  const classes = {
    targets: { labels: int32(starts.map((start) => ids[start]! % 3)) },
    counts: { labels: numTexts },
  };
  const upTo = (count: number, of: (index: number) => number) => int32(Array.from({ length: count }, (_, i) => of(i)));
  const columns = upTo(options.numTexts, (index) => index);
  const pairs = {
    targets: {
      anchor_rows: upTo(options.numTexts, (index) => 2 * index),
      candidate_rows: upTo(options.numTexts, (index) => 2 * index + 1),
      positive_columns: columns,
      candidate_columns: columns,
    },
    counts: { pairs: options.numTexts },
  };
  const own = {
    "sequence-classification": classes,
    "masked-lm": masked,
    pretraining: {
      targets: { ...masked.targets, ...sentence.targets },
      counts: { ...masked.counts, ...sentence.counts },
    },
    "sentence-embedding": pairs,
  }[task];
  return {
    inputIds: Int32Array.from(ids),
    tokenTypeIds: new Int32Array(numTokens),
    lengths: Int32Array.from(lengths),
    textIds: Int32Array.from(lengths, (_, text) => firstText + text),
    ...own,
  };
}
