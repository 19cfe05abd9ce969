/** @file What may be wider than the screen: it scrolls by itself, also with the keyboard. */
import type { ReactNode } from "react";

export function Wide({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  return (
    // Only what can have the focus can be scrolled with keys (axe: scrollable-region-focusable).
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <section className="wide" aria-label={label} tabIndex={0}>
      {children}
    </section>
  );
}
