/** @file The result file of a job: its numbers by step, as OpenAI's `step_metrics.csv`. */
import { withMeanTokenAccuracy } from "./openAiNumbers.ts";

/** OpenAI's columns come first, under its names, also those that have no value here; others follow in the order in which they came. */
const firstColumns = ["step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy"];

export type ReportedNumbers = { readonly step: number } & Readonly<Record<string, number | null>>;

/** A line for each step; what was reported of a step at several times is one line, and what was not is empty. */
export function resultCsv(reports: readonly ReportedNumbers[]): string {
  const rows = new Map<number, ReportedNumbers>();
  for (const report of reports) rows.set(report.step, { ...rows.get(report.step), ...withMeanTokenAccuracy(report) });
  const columns = [...new Set([...firstColumns, ...reports.flatMap((report) => Object.keys(report))])];
  const sorted = [...rows.values()].toSorted((a, b) => a.step - b.step);
  return csvOf([columns, ...sorted.map((row) => columns.map((name) => row[name] ?? null))]);
}

/** RFC 4180, but for the ends of lines; null is empty. */
export function csvOf(rows: readonly (readonly (string | number | null)[])[]): string {
  const cell = (value: string | number | null) => (value === null ? "" : quoted(String(value)));
  return rows.map((row) => `${row.map(cell).join(",")}\n`).join("");
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
