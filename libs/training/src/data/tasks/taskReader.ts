/** @file How rows of a file become examples of a task: what all tasks have in common. */
import type { ProblemType, Task } from "@stagecoach/transformer";
import type { Tokenizer } from "@stagecoach/tokenizer";
import type { DataRow } from "../dataRow.ts";
import type { StoredExample } from "../exampleStore.ts";

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
  /** Question answering: tokens of the context that neighbouring windows share; default 128. */
  readonly stride?: number | undefined;
};

/** Takes the examples of one row. */
export type ExampleSink = {
  /** @returns the example's number */
  add(example: StoredExample): number;
  /** Says that text of the row was cut off. */
  truncated(): void;
};

/** Reads every row twice: to know the labels, then to encode. Rows that `scan` refused are offered to `encode` again. */
export type TaskReader = {
  /** Absent where nothing needs to be known beforehand. @throws DataError */
  scan?(row: DataRow): void;
  /** Called once, after all rows were scanned. @throws DataError */
  settle(): { readonly task: Task; readonly labels: readonly string[] };
  /** Adds the examples of a row, all or none. @throws DataError */
  encode(row: DataRow, sink: ExampleSink): void;
};

/** Number of tokens of type 0, which come first. */
export function firstSegmentOf(typeIds: Int32Array): number {
  const found = typeIds.indexOf(1);
  return found < 0 ? typeIds.length : found;
}
