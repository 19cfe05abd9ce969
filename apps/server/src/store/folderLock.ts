/**
 * @file A lock on a folder that ends with the process that holds it, however that ends.
 *
 * SQLite's own lock on an empty database file: the operating system takes it back after `kill -9`, and no file with a
 * process number has to be believed. Nobody else opens that file.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StoreError, StoreLockedError } from "./errors.ts";

/** Released twice is released. */
export type FolderLock = { readonly release: () => void };

/** `SQLITE_BUSY` (sqlite.org/rescode.html). */
const BUSY = 5;

/**
 * @param what - who holds it, for the message: "another gateway"
 * @throws StoreLockedError when another process, or this one, holds it
 * @throws StoreError when the folder cannot be written
 */
export function lockFolder(folder: string, what: string): FolderLock {
  let database: DatabaseSync | null = null;
  try {
    mkdirSync(folder, { recursive: true });
    database = new DatabaseSync(join(folder, "lock"));
    database.exec("PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE");
  } catch (cause) {
    database?.close();
    const message = cause instanceof Error ? cause.message : String(cause);
    if (cause instanceof Error && "errcode" in cause && cause.errcode === BUSY) {
      throw new StoreLockedError(
        `${what} works in the folder ${folder}: stop it, or choose another folder (--data-dir)`,
        { cause },
      );
    }
    throw new StoreError(`the folder ${folder} cannot be used: ${message} (choose another with --data-dir)`, { cause });
  }
  const held = database;
  return { release: () => (held.isOpen ? held.close() : undefined) };
}
