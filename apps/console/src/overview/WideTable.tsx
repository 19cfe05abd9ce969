/** @file A table behind a line that opens it; where it is wider than the screen it scrolls by itself, by keyboard as well. */
import type { ReactNode } from "react";
import { Scroll } from "../ui/Scroll.tsx";

type WideTableProps = { readonly summary: string; readonly label: string; readonly children: ReactNode };

export function WideTable({ summary, label, children }: WideTableProps) {
  return (
    <details>
      <summary>{summary}</summary>
      <Scroll label={label}>
        <table>{children}</table>
      </Scroll>
    </details>
  );
}
