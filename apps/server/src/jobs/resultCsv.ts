/** @file The result file of a job: its numbers by step, as OpenAI's `step_metrics.csv`. */

/** OpenAI's columns come first, under its names; others follow in the order in which they came. */
const firstColumns = ["step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy"];

export type StepNumbers = { readonly step: number } & Readonly<Record<string, number | null>>;

/** A line for each step; what was reported of a step at several times is one line, and what was not is empty. */
export function resultCsv(reports: readonly StepNumbers[]): string {
  const rows = new Map<number, StepNumbers>();
  for (const report of reports) rows.set(report.step, { ...rows.get(report.step), ...report });
  const found = new Set(reports.flatMap((report) => Object.keys(report)));
  const columns = [...new Set([...firstColumns.filter((name) => found.has(name) || name === "step"), ...found])];
  const lines = [...rows.values()]
    .toSorted((a, b) => a.step - b.step)
    .map((row) => columns.map((name) => row[name] ?? "").join(","));
  return `${[columns.map(quoted).join(","), ...lines].join("\n")}\n`;
}

/** RFC 4180. */
function quoted(name: string): string {
  return /[",\r\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;
}
