/** @file What was typed into a tab, kept while the page is open: a look at another tab or model does not lose it. */
import { useState } from "react";

const drafts = new Map<string, unknown>();

export function useDraft<T>(name: string, initial: T): readonly [T, (value: T) => void] {
  const [value, setValue] = useState(() => (drafts.has(name) ? (drafts.get(name) as T) : initial));
  const keep = (next: T) => {
    drafts.set(name, next);
    setValue(next);
  };
  return [value, keep];
}
