/** @file The texts of single rows of a data file, found by their places. */
import type { TaskName } from "@stagecoach/transformer";
import { BadRows } from "../../data/badRows.ts";
import { DataError } from "../../data/dataError.ts";
import type { DataRow } from "../../data/dataRow.ts";
import type { Layout } from "../../data/layouts.ts";
import { RowFields } from "../../data/rowFields.ts";
import { rowTexts, type RowTexts } from "../../data/rowTexts.ts";
import type { DataFile } from "./loadExamples.ts";
import { openDataFile } from "./openDataFile.ts";

export type FoundRow = RowTexts & { readonly place: number; readonly line: number | null };

export type ReadRowTextsOptions = {
  /** Among the rows that can be read, from 0 (EncodedExamples.places). */
  readonly places: readonly number[];
  readonly columns: Layout["columns"];
  readonly task: TaskName;
  readonly signal?: AbortSignal | undefined;
};

/**
 * Nothing after the last of the places is read.
 *
 * @returns those that are there, in their order
 * @throws DataError for a file that cannot be read; the signal's reason
 */
export async function readRowTexts(
  { path, name = path }: DataFile,
  { places, columns, task, signal }: ReadRowTextsOptions,
): Promise<FoundRow[]> {
  const wanted = new Set(places);
  const last = Math.max(-1, ...places);
  const source = await openDataFile(path, { name, signal });
  const fields = new RowFields({ columns, ignored: [] }, source);
  const found: FoundRow[] = [];
  const add = (row: DataRow, place: number) => {
    try {
      found.push({ place, line: row.line ?? null, ...rowTexts(fields, row, task) });
    } catch (error) {
      // Then it is not the file that was evaluated.
      if (!(error instanceof DataError)) throw error;
    }
  };
  let start = 0;
  for await (const rows of source.read(new BadRows("skip"))) {
    for (const [index, row] of rows.entries()) if (wanted.has(start + index)) add(row, start + index);
    start += rows.length;
    if (start > last) break;
  }
  return found;
}
