/** @file Metrics of a model, and of its classes, as lines for a terminal. */
import type { ClassReport, Evaluation } from "@stagecoach/training";
import { alignedRows } from "./alignedRows.ts";

/** Classes that are listed. */
const MAX_CLASSES = 20;

/** Metrics, and the classes where they are few. */
export function measuredLines(metrics: Evaluation["metrics"] | null, classes: readonly ClassReport[] | null): string[] {
  return [
    ...(metrics === null ? [] : ["", ...metricLines(metrics)]),
    ...(classes === null || classes.length > MAX_CLASSES ? [] : ["", ...classLines(classes)]),
  ];
}

function metricLines(metrics: Evaluation["metrics"]): string[] {
  const width = Math.max(...Object.keys(metrics).map((name) => name.length));
  return Object.entries(metrics).map(([name, value]) => `  ${name.padEnd(width)}  ${formatMetric(value)}`);
}

function classLines(classes: readonly ClassReport[]): string[] {
  const header = ["class", "precision", "recall", "f1", "examples"];
  const rows = classes.map(({ label, precision, recall, f1, support }) => [
    label,
    formatMetric(precision),
    formatMetric(recall),
    formatMetric(f1),
    String(support),
  ]);
  return alignedRows([header, ...rows]).map((row) => `  ${row}`);
}

export const formatMetric = (value: number | null | undefined): string =>
  value === null || value === undefined ? "none" : value.toFixed(4);
