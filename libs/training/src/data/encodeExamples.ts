/** @file A file of rows as encoded examples of a task: read once to know its labels, once more to encode. */
import type { Task, TaskName } from "@stagecoach/transformer";
import { BadRows, type BadRowRule } from "./badRows.ts";
import { DataError } from "./dataError.ts";
import type { DataRow, RowSource } from "./dataRow.ts";
import { ExampleStore, memoryPieces } from "./exampleStore.ts";
import { findLayout, type ColumnMap, type Layout } from "./layouts.ts";
import { maskVocabulary, type MaskVocabulary } from "./masking.ts";
import { QuestionStore } from "./questionStore.ts";
import { RowNumbers } from "./rowNumbers.ts";
import { RowFields } from "./rowFields.ts";
import { taskReaders } from "./tasks/taskReaders.ts";
import type { ExampleSink, TaskReader, TaskReaderOptions } from "./tasks/taskReader.ts";

export type EncodeExamplesOptions = Omit<TaskReaderOptions, "maxLength"> & {
  /** Default: guessed from the columns where that is safe. */
  readonly task?: TaskName | undefined;
  readonly columns?: ColumnMap | undefined;
  /** Default 384 for question answering, 128 for pre-training, else 512; at most what tokenizer and model take. */
  readonly maxLength?: number | undefined;
  /** Most tokens that the model has positions for, as a bound of the default. */
  readonly modelMaxLength?: number | undefined;
  /** Most tokens of a text for a vector, as the model's sentence modules say: the default of sentence-embedding. */
  readonly sentenceMaxLength?: number | undefined;
  /** Keep the texts of sentence-embedding and sequence-classification as they are written, for a teacher. */
  readonly keepTexts?: boolean | undefined;
  /** Default "error". */
  readonly onBadRow?: BadRowRule | undefined;
  /** Called before each pass over the file. */
  readonly onPass?: ((pass: "scan" | "encode") => void) | undefined;
};

/** What was read, for a person. */
export type DataReport = {
  readonly file: string;
  readonly numRows: number;
  readonly numExamples: number;
  readonly numTokens: number;
  readonly longest: number;
  /** Rows of which text was cut off. */
  readonly numTruncated: number;
  /** Rows left out because they are bad, and what was wrong with the first few. */
  readonly numSkipped: number;
  readonly skipped: readonly DataError[];
  readonly columns: Layout["columns"];
  readonly ignoredColumns: readonly string[];
};

export type EncodedExamples = {
  readonly task: Task;
  /** Names of the classes in order of their numbers; empty where the task has none. */
  readonly labels: readonly string[];
  /** Most tokens of an example: as it was given, or the default. */
  readonly maxLength: number;
  readonly store: ExampleStore;
  /** Number of the row that each example is of. */
  readonly rows: RowNumbers;
  /** Place of each such row among all rows of the file that can be read: others may have been left out. */
  readonly places: RowNumbers;
  /** Of all examples one after another, if they were to be kept. */
  readonly texts: readonly string[];
  /** Question answering: what evaluation needs. */
  readonly questions: QuestionStore;
  /** Masked-LM: what masking needs. */
  readonly maskVocabulary: MaskVocabulary | undefined;
  readonly report: DataReport;
};

/**
 * @throws DataError for what is wrong with the file, its columns, its labels or the options; nothing is trained before
 *   every row was read
 */
export async function encodeExamples(source: RowSource, options: EncodeExamplesOptions): Promise<EncodedExamples> {
  const { tokenizer, onBadRow } = options;
  options.onPass?.("scan");
  const layout = findLayout(await columnsOf(source), { task: options.task, map: options.columns, file: source.name });
  const { modelMaxLength: positions = Infinity } = options;
  const longest = Math.min(positions, tokenizer.modelMaxLength ?? Infinity);
  const maxLength = options.maxLength ?? Math.min(usualMaxLength(layout.task, options), longest);
  const reader = taskReaders[layout.task](new RowFields(layout, source), { ...options, maxLength });
  if (reader.scan !== undefined) {
    const bad = new BadRows(onBadRow);
    for await (const rows of source.read(bad)) for (const row of rows) bad.try(() => reader.scan?.(row));
  }
  const { task, labels } = reader.settle();
  options.onPass?.("encode");
  const { createStorage = memoryPieces } = options;
  const store = new ExampleStore(createStorage());
  const questions = new QuestionStore(createStorage());
  const bad = new BadRows(onBadRow);
  const texts: string[] = [];
  const keptTexts = options.keepTexts === true ? texts : null;
  const { rows, places, numRows, numTruncated } = await encodeRows({
    source,
    reader,
    store,
    questions,
    keptTexts,
    bad,
  });
  checkSize(store.size, { file: source.name, bad });
  const report = {
    file: source.name,
    numRows,
    numExamples: store.size,
    numTokens: store.numTokens,
    longest: store.longest,
    numTruncated,
    numSkipped: bad.count,
    skipped: bad.errors,
    columns: layout.columns,
    ignoredColumns: layout.ignored,
  };
  const vocabulary = task.name === "masked-lm" ? maskVocabulary(tokenizer) : undefined;
  return { task, labels, maxLength, store, rows, places, texts, questions, maskVocabulary: vocabulary, report };
}

async function encodeRows(work: {
  readonly source: RowSource;
  readonly reader: TaskReader;
  readonly store: ExampleStore;
  readonly questions: QuestionStore;
  /** null: they are not kept. */
  readonly keptTexts: string[] | null;
  readonly bad: BadRows;
}): Promise<{ rows: RowNumbers; places: RowNumbers; numRows: number; numTruncated: number }> {
  const { source, reader, store, questions, keptTexts, bad } = work;
  const rowOfExample = new RowNumbers();
  const places = new RowNumbers();
  let place = 0;
  let numRows = 0;
  let numTruncated = 0;
  let isTruncated = false;
  const sink: ExampleSink = {
    add: (example, row = numRows) => {
      rowOfExample.push(row);
      store.add(example);
    },
    truncated: () => {
      isTruncated = true;
    },
    texts: (texts) => void keptTexts?.push(...texts),
    question: (question) => questions.add(question),
  };
  const encode = (row: DataRow) => {
    isTruncated = false;
    const own = place++;
    if (!bad.try(() => reader.encode(row, sink))) return;
    places.push(own);
    numRows++;
    if (isTruncated) numTruncated++;
  };
  for await (const rows of source.read(bad)) rows.forEach(encode);
  reader.finish?.(sink);
  return { rows: rowOfExample, places, numRows, numTruncated };
}

/** Columns of the first rows: JSON need not have the same ones in each. */
async function columnsOf(source: RowSource): Promise<readonly string[]> {
  const bad = new BadRows("skip");
  for await (const rows of source.read(bad)) {
    if (rows.length > 0) return Array.from(new Set(rows.flatMap(({ values }) => Object.keys(values))));
  }
  const [first] = bad.errors;
  if (first !== undefined) throw new DataError("data_format", `${first.message} (no row can be read)`);
  throw new DataError("data_empty", "expected examples, got none", { file: source.name });
}

function usualMaxLength(task: TaskName, { sentenceMaxLength }: EncodeExamplesOptions): number {
  const usual: { readonly [name in TaskName]?: number } = {
    "question-answering": 384,
    pretraining: 128,
    "next-sentence": 128,
    ...(sentenceMaxLength === undefined ? {} : { "sentence-embedding": sentenceMaxLength }),
  };
  return usual[task] ?? 512;
}

function checkSize(size: number, { file, bad }: { readonly file: string; readonly bad: BadRows }): void {
  const left = bad.count === 0 ? "" : ` (${bad.count} rows were left out, the first: ${bad.errors[0]!.message})`;
  if (size === 0) throw new DataError("data_empty", `expected examples, got none${left}`, { file });
  if (size === 1) throw new DataError("data_too_small", `expected at least two examples, got one${left}`, { file });
}
