/**
 * @file Examples of a task as one packed batch with its targets (the table of targets: libs/transformer, tasks/task.ts).
 *
 * Dimensions: T packed tokens, B texts, C classes or choices, M labelled rows, Q questions.
 */
import type { SentenceEmbeddingTask, Target, Task, TrainingBatch } from "@stagecoach/transformer";
import type { RandomSequence } from "../random/randomSequence.ts";
import type { StoredExample } from "./exampleStore.ts";
import { storedSimilarity } from "./tasks/sentenceEmbedding.ts";
import { maskAtRandom, type MaskAtRandomOptions, type MaskVocabulary } from "./masking.ts";

/** An example at its place in the run. */
export type PlacedExample = StoredExample & {
  /** Number of its first text in the order of the run. */
  readonly textId: number;
  /** Where its masks are drawn from. */
  readonly random: () => RandomSequence;
  /** Of its texts one after another, where a teacher has been asked. */
  readonly teacherVectors?: Float32Array;
  /** `[C]`, where a teacher has been asked. */
  readonly teacherLogits?: Float32Array;
  /** `[rows, D]`: what a frozen encoder gives of it, where that is known. */
  readonly features?: Float32Array | undefined;
};

export type Masking = Omit<MaskAtRandomOptions, "vocabulary">;

/** For masked-LM. */
export type CollateOptions = {
  readonly masking: Masking | undefined;
  readonly vocabulary: MaskVocabulary | undefined;
};

/** @param examples - at least one */
export function collate(task: Task, examples: readonly PlacedExample[], options: CollateOptions): TrainingBatch {
  switch (task.name) {
    case "sequence-classification":
      return { ...packTexts(examples), ...classificationTargets(task, examples) };
    case "token-classification":
      return { ...packTexts(examples), ...tagTargets(task, examples) };
    case "question-answering":
      return { ...packTexts(examples), ...spanTargets(examples) };
    case "multiple-choice":
      return { ...packTexts(examples.flatMap(choiceTexts)), ...choiceTargets(examples) };
    case "masked-lm":
      return maskedBatch(examples, options);
    case "next-sentence":
      return { ...packTexts(examples), ...nextSentenceTargets(examples) };
    case "sentence-embedding":
      return {
        ...packTexts(examples.flatMap((each) => embeddedTexts(task, each))),
        ...embeddingTargets(task, examples),
      };
    case "pretraining":
      break;
  }
  return pretrainingBatch(examples);
}

type Targets = Pick<TrainingBatch, "targets" | "counts">;
type Text = Pick<PlacedExample, "ids" | "firstSegment" | "textId">;

function packTexts(texts: readonly Text[]): Omit<TrainingBatch, keyof Targets> {
  const lengths = Int32Array.from(texts, ({ ids }) => ids.length);
  const T = lengths.reduce((a, b) => a + b, 0);
  const inputIds = new Int32Array(T);
  const tokenTypeIds = new Int32Array(T);
  let row = 0;
  for (const { ids, firstSegment } of texts) {
    inputIds.set(ids, row);
    tokenTypeIds.fill(1, row + firstSegment, row + ids.length);
    row += ids.length;
  }
  return { inputIds, tokenTypeIds, lengths, textIds: Int32Array.from(texts, ({ textId }) => textId) };
}

type Classification = Extract<Task, { name: "sequence-classification" }>;

function classificationTargets(task: Classification, examples: readonly PlacedExample[]): Targets {
  const { targets, counts } = labelTargets(task, examples);
  if (task.distillation === undefined) return { targets, counts };
  const [B, C] = [examples.length, task.numLabels];
  const data = new Float32Array(B * C);
  examples.forEach(({ teacherLogits }, index) => {
    if (teacherLogits?.length !== C) throw new Error("internal: an example without its teacher's logits");
    data.set(teacherLogits, index * C);
  });
  return {
    targets: { ...targets, teacher_logits: { dtype: "float32", shape: [B, C], data } },
    counts: { ...counts, teacher: B },
  };
}

function labelTargets(task: Classification, examples: readonly PlacedExample[]): Targets {
  const [B, C] = [examples.length, task.numLabels];
  if (task.problemType === "single_label_classification") {
    const labels = Int32Array.from(examples, ({ target }) => target[0]!);
    return { targets: { labels: int32Target(labels) }, counts: { labels: sumOfWeights(labels, task.classWeights) } };
  }
  const data = new Float32Array(B * C);
  examples.forEach(({ target }, b) => {
    if (task.problemType === "regression") data.set(new Float32Array(target.slice().buffer), b * C);
    else for (const label of target) data[b * C + label] = 1;
  });
  return { targets: { labels: { dtype: "float32", shape: [B, C], data } }, counts: { labels: B * C } };
}

function tagTargets(
  task: Extract<Task, { name: "token-classification" }>,
  examples: readonly PlacedExample[],
): Targets {
  const rows: number[] = [];
  const classes: number[] = [];
  let start = 0;
  for (const { ids, target } of examples) {
    for (let i = 0; i < target.length; i += 2) {
      rows.push(start + target[i]!);
      classes.push(target[i + 1]!);
    }
    start += ids.length;
  }
  const labels = Int32Array.from(classes);
  return {
    targets: { label_rows: int32Target(Int32Array.from(rows)), labels: int32Target(labels) },
    counts: { labels: sumOfWeights(labels, task.classWeights) },
  };
}

function spanTargets(examples: readonly PlacedExample[]): Targets {
  const column = (place: number) => int32Target(Int32Array.from(examples, ({ target }) => target[place]!));
  return { targets: { start_positions: column(0), end_positions: column(1) }, counts: { positions: examples.length } };
}

/** The texts of a question: see tasks/multipleChoice.ts. */
function choiceTexts({ ids, target, textId }: PlacedExample): Text[] {
  const C = (target.length - 1) / 2;
  const lengths = target.subarray(1, 1 + C);
  const firstSegments = target.subarray(1 + C);
  let at = 0;
  return Array.from(lengths, (length, choice) => ({
    ids: ids.subarray(at, (at += length)),
    firstSegment: firstSegments[choice]!,
    textId: textId + choice,
  }));
}

function choiceTargets(questions: readonly PlacedExample[]): Targets {
  const Q = questions.length;
  const C = (questions[0]!.target.length - 1) / 2;
  const texts = Int32Array.from({ length: Q * C }, (_, text) => text);
  const labels = Int32Array.from(questions, ({ target }) => target[0]!);
  return {
    targets: { choice_index: { dtype: "int32", shape: [Q, C], data: texts }, labels: int32Target(labels) },
    counts: { labels: Q },
  };
}

/** The texts of an example: see tasks/sentenceEmbedding.ts. */
function embeddedTexts({ numTexts }: SentenceEmbeddingTask, { ids, target, textId }: PlacedExample): Text[] {
  let at = 0;
  return Array.from(target.subarray(0, numTexts), (length, text) => ({
    ids: ids.subarray(at, (at += length)),
    firstSegment: length,
    textId: textId + text,
  }));
}

/** Candidates are the positives and the hard negatives of all examples, example by example. */
function embeddingTargets(task: SentenceEmbeddingTask, examples: readonly PlacedExample[]): Targets {
  const { targets, counts } = comparedTargets(task, examples);
  if (task.teacher === undefined) return { targets, counts };
  const numTexts = examples.length * task.numTexts;
  const { dimensions } = task.teacher;
  const data = new Float32Array(numTexts * dimensions);
  const size = task.numTexts * dimensions;
  examples.forEach(({ teacherVectors }, index) => {
    if (teacherVectors?.length !== size) throw new Error("internal: an example without its teacher's vectors");
    data.set(teacherVectors, index * size);
  });
  return {
    targets: { ...targets, teacher_vectors: { dtype: "float32", shape: [numTexts, dimensions], data } },
    counts: { ...counts, teacher: numTexts },
  };
}

function comparedTargets({ loss, numTexts: G }: SentenceEmbeddingTask, examples: readonly PlacedExample[]): Targets {
  if (loss.name === "none") return { targets: {}, counts: {} };
  const numbers = (count: number, of: (index: number) => number) =>
    int32Target(Int32Array.from({ length: count }, (_, index) => of(index)));
  const Q = examples.length;
  const perAnchor = G - 1;
  const shared = {
    anchor_rows: numbers(Q, (anchor) => anchor * G),
    candidate_rows: numbers(Q * perAnchor, (each) => Math.floor(each / perAnchor) * G + 1 + (each % perAnchor)),
  };
  const counts = { pairs: Q };
  if (loss.name === "in-batch-negatives") {
    const columns = {
      positive_columns: numbers(Q, (anchor) => anchor * perAnchor),
      candidate_columns: numbers(Q * perAnchor, (each) => each),
    };
    return { targets: { ...shared, ...columns }, counts };
  }
  const data = Float32Array.from(examples, ({ target }) => storedSimilarity(target));
  return { targets: { ...shared, similarities: { dtype: "float32", shape: [Q], data } }, counts };
}

function maskedBatch(examples: readonly PlacedExample[], { masking, vocabulary }: CollateOptions): TrainingBatch {
  if (vocabulary === undefined) throw new Error("internal: masked-lm without a vocabulary");
  const masked = examples.map((example) => ({
    ...example,
    ...maskAtRandom(example.ids, { ...masking, vocabulary }, example.random()),
  }));
  return { ...packTexts(masked), ...maskedTargets(masked) };
}

type MaskedText = Text & { readonly positions: Int32Array; readonly labels: Int32Array };

function maskedTargets(texts: readonly MaskedText[]): Targets {
  const rows: number[] = [];
  let start = 0;
  for (const { ids, positions } of texts) {
    for (const position of positions) rows.push(start + position);
    start += ids.length;
  }
  const labels = Int32Array.from(texts.flatMap((text) => Array.from(text.labels)));
  return {
    targets: { masked_rows: int32Target(Int32Array.from(rows)), masked_labels: int32Target(labels) },
    counts: { masked_lm: rows.length },
  };
}

function nextSentenceTargets(examples: readonly PlacedExample[]): Targets {
  const labels = Int32Array.from(examples, ({ target }) => target[0]!);
  return { targets: { next_sentence_labels: int32Target(labels) }, counts: { next_sentence: examples.length } };
}

/** Masked once, when the instances were made: see tasks/pretraining.ts. */
function pretrainingBatch(examples: readonly PlacedExample[]): TrainingBatch {
  const texts = examples.map((example) => {
    const { target } = example;
    const M = (target.length - 1) / 2;
    return { ...example, positions: target.subarray(1, 1 + M), labels: target.subarray(1 + M) };
  });
  const [masked, next] = [maskedTargets(texts), nextSentenceTargets(examples)];
  return {
    ...packTexts(texts),
    targets: { ...masked.targets, ...next.targets },
    counts: { ...masked.counts, ...next.counts },
  };
}

function int32Target(data: Int32Array): Target {
  return { dtype: "int32", shape: [data.length], data };
}

/** What a mean over labels divides by: their number, or the sum of their classes' weights. */
function sumOfWeights(labels: Int32Array, weights: readonly number[] | undefined): number {
  if (weights === undefined) return labels.length;
  return labels.reduce((sum, label) => sum + (weights[label] ?? 0), 0);
}
