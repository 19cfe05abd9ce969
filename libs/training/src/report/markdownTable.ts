/** @file A table in Markdown. */

export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map(line)].join("\n");
}

/** A cell cannot end its row, or be markup. */
const cell = (text: string): string => text.replaceAll(/[\r\n]+/g, " ").replaceAll(/[\\|`<>*[\]]/g, "\\$&");
