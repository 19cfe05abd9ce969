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

/** The server has answered 401: what is kept, if anything, is wrong. */
export function keyWasRefused(): void {
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
