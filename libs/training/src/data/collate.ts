/**
 * @file Examples of a task as one packed batch with its targets (the table of targets: libs/transformer, tasks/task.ts).
 *
 * Dimensions: T packed tokens, B texts, C classes or choices, M labelled rows, Q questions.
 */
import { joinFloat32 } from "@stagecoach/engine";
import {
  hiddenOf,
  type SentenceEmbeddingTask,
  type Target,
  type Task,
  type TrainingBatch,
} from "@stagecoach/transformer";
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
  /** `[C]`, or `[M, C]` of its labelled tokens, where a teacher has been asked. */
  readonly teacherLogits?: Float32Array;
  /** `[rows, F]`: a teacher's hidden states of its tokens, those of a token one after another, where a teacher has been asked. */
  readonly teacherStates?: Float32Array | undefined;
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
  const batch = taskBatch(task, examples, options);
  return hiddenOf(task) === undefined ? batch : withStates(batch, examples, task);
}

function taskBatch(task: Task, examples: readonly PlacedExample[], options: CollateOptions): TrainingBatch {
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

/** Of a masked-LM, the teacher has seen what is masked: its states of that are not compared. */
function withStates(batch: TrainingBatch, examples: readonly PlacedExample[], task: Task): TrainingBatch {
  const all = joinFloat32(
    examples.map(({ ids, teacherStates }) => {
      if (teacherStates === undefined || teacherStates.length % ids.length !== 0)
        throw new Error("internal: an example without its teacher's hidden states");
      return teacherStates;
    }),
  );
  const T = batch.inputIds.length;
  const F = all.length / T;
  if (task.name !== "masked-lm") return withTaught(batch, { teacher_states: floatTarget(all, [T, F]) }, T);
  const written = examples.flatMap(({ ids }) => [...ids]);
  const shown = Int32Array.from(written.keys()).filter((row) => batch.inputIds[row] === written[row]);
  const data = new Float32Array(shown.length * F);
  shown.forEach((row, place) => data.set(all.subarray(row * F, (row + 1) * F), place * F));
  const teacher_states = floatTarget(data, [shown.length, F]);
  return withTaught(batch, { teacher_states, taught_rows: int32Target(shown) }, shown.length);
}

const withTaught = (batch: TrainingBatch, targets: TrainingBatch["targets"], hidden: number): TrainingBatch => ({
  ...batch,
  targets: { ...batch.targets, ...targets },
  counts: { ...batch.counts, hidden },
});

const floatTarget = (data: Float32Array, shape: readonly number[]): Target => ({ dtype: "float32", shape, data });

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
  const given = labelTargets(task, examples);
  if (task.distillation === undefined) return given;
  const isMultiLabel = task.problemType === "multi_label_classification";
  const logits = teacherLogits(examples, { task, rowsOf: () => 1 });
  return withLogits(given, logits, examples.length * (isMultiLabel ? task.numLabels : 1));
}

/** @param counted - what the teacher's part of the loss counts */
function withLogits({ targets, counts }: Targets, teacher_logits: Target, counted: number): Targets {
  return { targets: { ...targets, teacher_logits }, counts: { ...counts, teacher: counted } };
}

/** `[R, C]` */
function teacherLogits(
  examples: readonly PlacedExample[],
  rows: { readonly task: { readonly numLabels: number }; readonly rowsOf: (example: PlacedExample) => number },
): Target {
  const C = rows.task.numLabels;
  const all = examples.map((example) => {
    const { teacherLogits: own } = example;
    if (own?.length !== rows.rowsOf(example) * C) throw new Error("internal: an example without its teacher's logits");
    return own;
  });
  const data = joinFloat32(all);
  return floatTarget(data, [data.length / C, C]);
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
  return { targets: { labels: floatTarget(data, [B, C]) }, counts: { labels: B * C } };
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
  const given = {
    targets: { label_rows: int32Target(Int32Array.from(rows)), labels: int32Target(labels) },
    counts: { labels: sumOfWeights(labels, task.classWeights) },
  };
  if (task.distillation === undefined) return given;
  const logits = teacherLogits(examples, { task, rowsOf: ({ target }) => target.length / 2 });
  return withLogits(given, logits, rows.length);
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
    targets: { ...targets, teacher_vectors: floatTarget(data, [numTexts, dimensions]) },
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
  return { targets: { ...shared, similarities: floatTarget(data, [Q]) }, counts };
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
