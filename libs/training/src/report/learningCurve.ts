/** @file The panels of a learning curve from the rows of the result file. */
import type { CurvePanel } from "./curveSvg.ts";
import type { ResultRow } from "./resultsCsv.ts";

/**
 * @param panels - for each title the columns to draw, by the name of their line:
 *   `{ Loss: { training: "train_loss", validation: "valid_loss" } }`
 */
export function learningCurve(
  rows: readonly ResultRow[],
  panels: Readonly<Record<string, Readonly<Record<string, string>>>>,
): CurvePanel[] {
  return Object.entries(panels).map(([title, columns]) => ({
    title,
    lines: Object.entries(columns).map(([name, column]) => ({
      name,
      points: rows.map((row) => ({ step: row.step, value: row[column] })),
    })),
  }));
}
