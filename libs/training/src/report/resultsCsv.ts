/** @file The result file of a job: one row per logged step, as OpenAI's fine-tuning jobs give, with more columns. */

/** Values by column; null or left out where a step has none (evaluations are rarer than steps). */
export type ResultRow = { readonly step: number; readonly [column: string]: number | null | undefined };

/** The columns that OpenAI's files have come first. */
const firstColumns = ["step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy"] as const;

/** @returns CSV with a header; other columns follow in the order of their first row. Values that are not finite stay empty. */
export function resultsCsv(rows: readonly ResultRow[]): string {
  const columns = [...new Set([...firstColumns, ...rows.flatMap((row) => Object.keys(row))])];
  const lines = rows.map((row) => columns.map((column) => cell(row[column])).join(","));
  return [columns.map(quote).join(","), ...lines, ""].join("\n");
}

const cell = (value: number | null | undefined): string => (Number.isFinite(value) ? String(value) : "");

const quote = (name: string): string => (/[",\r\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name);
