/** @file Whether the page is light or dark, for what is drawn with colours of its own. */
import { useSyncExternalStore } from "react";

export function useScheme(): "light" | "dark" {
  return useSyncExternalStore(subscribe, () => (matchMedia(query).matches ? "dark" : "light"));
}

const query = "(prefers-color-scheme: dark)";

function subscribe(listener: () => void): () => void {
  const media = matchMedia(query);
  media.addEventListener("change", listener);
  return () => media.removeEventListener("change", listener);
}
