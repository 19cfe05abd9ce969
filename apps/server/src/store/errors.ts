/** @file Errors of the store, each with a stable code. */

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

/** A page was asked for after something that is not there. */
export class UnknownCursorError extends Error {
  override readonly name = "UnknownCursorError";
  readonly code = "unknown_cursor";

  constructor(after: string) {
    super(`\`after\`: expected the id of a listed object, got "${after}"`);
  }
}
