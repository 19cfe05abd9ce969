/** @file The API key: asked for once, when the server first refuses, and kept by this browser until it is refused. */
import { useSyncExternalStore } from "react";

const storageKey = "stagecoach.apiKey";
const listeners = new Set<() => void>();
let isWanted = false;

const tell = () => {
  for (const listener of listeners) listener();
};

export const apiKey = {
  get: (): string | null => localStorage.getItem(storageKey),
  set: (key: string): void => {
    localStorage.setItem(storageKey, key);
    isWanted = false;
    tell();
  },
};

/**
 * The server has answered 401 to a request with this key, or with none.
 *
 * A late answer says nothing about a key that was given meanwhile.
 */
export function keyWasRefused(key: string | null): void {
  if (apiKey.get() !== key) return;
  localStorage.removeItem(storageKey);
  isWanted = true;
  tell();
}

/** Whether the server wants a key that this browser does not have. */
export function useKeyIsWanted(): boolean {
  return useSyncExternalStore(subscribe, () => isWanted);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
