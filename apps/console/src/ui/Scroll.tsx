/** @file What may be larger than its place, with a name, and scrolled by keyboard as well. */
import type { ReactNode } from "react";

export function Scroll({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- WCAG 2.1.1: what scrolls must do so without a mouse
    <section className="scroll" aria-label={label} tabIndex={0}>
      {children}
    </section>
  );
}
