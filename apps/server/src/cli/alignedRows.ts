/** @file Rows of a table in a terminal. */

/** Cells of a column begin below each other, two spaces after the widest of the column before. */
export function alignedRows(rows: readonly (readonly string[])[]): string[] {
  const numColumns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: numColumns }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
}
