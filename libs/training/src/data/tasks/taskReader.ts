/** @file How rows of a file become examples of a task: what all tasks have in common. */
import type { ProblemType, Task } from "@stagecoach/transformer";
import type { Tokenizer } from "@stagecoach/tokenizer";
import type { DataRow } from "../dataRow.ts";
import type { PieceStorage, StoredExample } from "../exampleStore.ts";
import type { PretrainingOptions } from "../pretrainingInstances.ts";
import type { SplitShares } from "../splitRows.ts";
import type { Question } from "./questionAnswering.ts";

export type TaskReaderOptions = {
  readonly tokenizer: Tokenizer;
  /** Most tokens of an example, special ones included. */
  readonly maxLength: number;
  /** Names of the classes in order of their numbers; default: those found, sorted. */
  readonly labels?: readonly string[] | undefined;
  /** Sequence classification; default: as the labels look. */
  readonly problemType?: ProblemType | undefined;
  /** Token classification: label all pieces of a word, with I- instead of B- after the first; default: the first only. */
  readonly labelAllPieces?: boolean | undefined;
  /** Question answering: tokens of the context that neighbouring windows share; default 128, at most half a window. */
  readonly stride?: number | undefined;
  /** Pre-training: how instances are made of documents. */
  readonly pretraining?: PretrainingOptions | undefined;
  /** Pre-training: shares that will be set aside, so that random sentences never come from another set. */
  readonly split?: SplitShares | undefined;
  /** For what is drawn while encoding (pre-training), and for the split; default 0. */
  readonly seed?: number | undefined;
  /** Where what is encoded is kept; default: in memory. */
  readonly createStorage?: (() => PieceStorage) | undefined;
};

/** Takes the examples of one row. */
export type ExampleSink = {
  /** @param row - number of the row that it is of; default: the current one */
  add(example: StoredExample, row?: number): void;
  /** Says that text of the row was cut off. */
  truncated(): void;
  /** Takes the texts of the example that was added last, as they are written: for a teacher, which has a tokenizer of its own. */
  texts(texts: readonly string[]): void;
  /** Keeps a question for evaluation; its number is the count of those before. */
  question(question: Question): void;
};

/** Reads every row twice: to know the labels, then to encode. Rows that `scan` refused are offered to `encode` again. */
export type TaskReader = {
  /** Absent where nothing needs to be known beforehand. @throws DataError */
  scan?(row: DataRow): void;
  /** Called once, after all rows were scanned. @throws DataError */
  settle(): { readonly task: Task; readonly labels: readonly string[] };
  /** Adds the examples of a row, all or none. @throws DataError */
  encode(row: DataRow, sink: ExampleSink): void;
  /** Called once at the end, where examples are made of all rows together. @throws DataError */
  finish?(sink: ExampleSink): void;
};

/** Number of tokens of type 0, which come first. */
export function firstSegmentOf(typeIds: Int32Array): number {
  const found = typeIds.indexOf(1);
  return found < 0 ? typeIds.length : found;
}
