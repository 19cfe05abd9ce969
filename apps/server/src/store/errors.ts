/** @file Errors of the store, each with a stable code. */
import { isDiskFull } from "@stagecoach/transformer/node";

/** Another gateway works on the same data folder, or on the same database. */
export class StoreLockedError extends Error {
  override readonly name = "StoreLockedError";
  readonly code = "store_locked";
}

/** The store cannot be opened: the database cannot be reached, is damaged, or was written by a newer release. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly code = "store_unusable";
}

/** SQLite's SQLITE_FULL, PostgreSQL's disk_full. */
const fullCodes: readonly unknown[] = [13, "53100"];

/** Whether a database or the disk had no room for a change, which is as if it had not been asked for then. */
export function isOutOfRoom(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (isDiskFull(error)) return true;
  const facts = error as Error & { readonly code?: unknown; readonly errcode?: unknown };
  return fullCodes.includes(facts.code) || fullCodes.includes(facts.errcode);
}

/** A page was asked for after something that is not there. */
export class UnknownCursorError extends Error {
  override readonly name = "UnknownCursorError";
  readonly code = "unknown_cursor";

  constructor(after: string) {
    super(`\`after\`: expected the id of a listed object, got "${after}"`);
  }
}
