/** @file Rows of a data file, before anybody knows what they mean. */
import type { BadRows } from "./badRows.ts";

export const dataFormats = ["jsonl", "json", "csv", "tsv", "parquet", "text", "sentences"] as const;
/**
 * - jsonl: an object a line
 * - json: a list of objects, or a file of SQuAD (version 1.1 or 2.0); read as a whole
 * - csv, tsv: with a header line
 * - parquet: columns with types; names of classes as Hugging Face's datasets writes them
 * - text: a text a line; for pre-training, paragraphs of documents that blank lines divide
 * - sentences: google-research/bert's: a sentence a line, a blank line between documents
 */
export type DataFormat = (typeof dataFormats)[number];

export type DataRow = {
  /** Line on which it starts, from 1; the row's number in a Parquet file; `undefined` in a file that is one JSON value. */
  readonly line: number | undefined;
  readonly values: Readonly<Record<string, unknown>>;
};

/** A file of rows. It can be read several times. */
export type RowSource = {
  /** For messages. */
  readonly name: string;
  /** Whether values have types; those of CSV are all text. */
  readonly isTyped: boolean;
  /**
   * The rows in order, in portions.
   *
   * @throws DataError when the file is malformed; for single rows that are, see BadRows
   */
  read(bad: BadRows): AsyncIterable<readonly DataRow[]>;
};
