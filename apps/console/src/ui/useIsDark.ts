/** @file Whether colours are those for the dark: a canvas does not follow style sheets by itself. */
import { useSyncExternalStore } from "react";

const dark = matchMedia("(prefers-color-scheme: dark)");

export function useIsDark(): boolean {
  return useSyncExternalStore(subscribe, () => dark.matches);
}

function subscribe(listener: () => void): () => void {
  dark.addEventListener("change", listener);
  return () => dark.removeEventListener("change", listener);
}
