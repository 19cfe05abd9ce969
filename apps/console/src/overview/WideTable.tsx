/** @file A table behind a line that opens it; where it is wider than the screen it scrolls by itself, by keyboard as well. */
import type { ReactNode } from "react";

type WideTableProps = { readonly summary: string; readonly label: string; readonly children: ReactNode };

export function WideTable({ summary, label, children }: WideTableProps) {
  return (
    <details>
      <summary>{summary}</summary>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls has to be reached by keyboard */}
      <section className="scroll" tabIndex={0} aria-label={label}>
        <table>{children}</table>
      </section>
    </details>
  );
}
