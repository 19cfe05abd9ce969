/** @file A preview of a data file as people read it, with its distributions drawn. */
import type { DataRow } from "@stagecoach/training";
import type { DataPreview } from "./previewData.ts";

const WIDTH = 100;
const BAR = 30;
const MAX_LABELS = 12;
const NUM_BINS = 8;

export function previewText(preview: DataPreview): string {
  const { report, task, problemType, maxLength, labels, lengths, rows, tokens } = preview;
  const { file, numRows, numExamples, numTruncated, numSkipped, skipped, columns, ignoredColumns } = report;
  const roles = Object.entries(columns).map(([role, column]) => (role === column ? role : `${role}=${column}`));
  const unused = ignoredColumns.length === 0 ? "" : `; not used: ${ignoredColumns.join(", ")}`;
  const cut = numTruncated === 0 ? "" : `; ${count(numTruncated)} rows are cut to ${maxLength}`;
  const quantile = (share: number) => lengths[Math.round(share * (lengths.length - 1))]!;
  const examples = numExamples === numRows ? "" : `, ${count(numExamples)} examples`;
  return [
    "",
    `  ${file}: ${count(numRows)} rows${examples}`,
    ...(numSkipped === 0 ? [] : [`  ${count(numSkipped)} rows cannot be used, the first: ${skipped[0]!.message}`]),
    "",
    `  task     ${task}${problemType === undefined ? "" : ` (${problemType})`}`,
    `  columns  ${roles.join(", ")}${unused}`,
    ...(labels.length === 0 ? [] : ["", `  labels   ${labels.length}`, ...labelLines(labels)]),
    "",
    `  tokens   ${quantile(0)} to ${quantile(1)}, median ${quantile(0.5)}, 95 % at most ${quantile(0.95)}${cut}`,
    ...histogram(lengths),
    "",
    "  rows",
    ...rows.flatMap(rowLines),
    `  as the model gets the first example (${tokens.length} tokens)`,
    `    ${clipped(tokens.join(" "))}`,
    "",
    "",
  ]
    .map((line) => line.trimEnd())
    .join("\n");
}

function labelLines(labels: DataPreview["labels"]): string[] {
  const shown = labels.slice(0, MAX_LABELS);
  const width = Math.max(...shown.map(([label]) => label.length));
  const most = shown[0]![1];
  const lines = shown.map(([label, of]) => `    ${label.padEnd(width)}  ${count(of).padStart(9)}  ${bar(of / most)}`);
  const rest = labels.slice(MAX_LABELS);
  const others = rest.reduce((sum, [, of]) => sum + of, 0);
  return rest.length === 0
    ? lines
    : [...lines, `    ${`and ${rest.length} more`.padEnd(width)}  ${count(others).padStart(9)}`];
}

/** How many examples have how many tokens. */
function histogram(lengths: Int32Array): string[] {
  const [least, most] = [lengths[0]!, lengths.at(-1)!];
  const size = Math.max(1, Math.ceil((most - least + 1) / NUM_BINS));
  const bins = Array.from({ length: Math.ceil((most - least + 1) / size) }, () => 0);
  for (const length of lengths) bins[Math.floor((length - least) / size)]!++;
  const highest = Math.max(...bins);
  return bins.map((of, index) => {
    const start = least + index * size;
    const range = size === 1 ? String(start) : `${start}-${Math.min(most, start + size - 1)}`;
    return `    ${range.padEnd(11)}  ${count(of).padStart(9)}  ${bar(of / highest)}`;
  });
}

function rowLines({ line, values }: DataRow): string[] {
  const shown = Object.entries(values).map(
    ([column, value]) => `    ${column}: ${clipped(JSON.stringify(value) ?? "")}`,
  );
  return [...(line === undefined ? [] : [`   line ${line}`]), ...shown, ""];
}

const clipped = (text: string): string => (text.length > WIDTH ? `${text.slice(0, WIDTH)}…` : text);
const count = (value: number): string => value.toLocaleString("en-US");
/** At least a mark for what is there. */
const bar = (share: number): string => (share === 0 ? "" : "#".repeat(Math.max(1, Math.round(share * BAR))));
