/**
 * @file Kysely on Node's own `node:sqlite`: nothing to install, nothing to compile.
 *
 * Write-ahead log with a flush at every commit (`synchronous=FULL`): what was answered survives a power cut.
 */
import { SqliteDialect, type SqliteDatabase } from "kysely";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";

/** The file is opened when the first query comes. */
export function sqliteDialect(path: string): SqliteDialect {
  return new SqliteDialect({ database: () => Promise.resolve(openDatabase(path)) });
}

function openDatabase(path: string): SqliteDatabase {
  const database = new DatabaseSync(path);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
  return {
    close: () => database.close(),
    prepare(sql) {
      const statement = database.prepare(sql);
      const values = (parameters: readonly unknown[]) => parameters as readonly SQLInputValue[];
      return {
        reader: statement.columns().length > 0,
        all: (parameters) => statement.all(...values(parameters)),
        run: (parameters) => (isDone(sql, database) ? nothing : statement.run(...values(parameters))),
        iterate: (parameters) => statement.iterate(...values(parameters)),
      };
    },
  };
}

const nothing = { changes: 0, lastInsertRowid: 0 };

/** When the disk is full SQLite undoes a transaction by itself; that it cannot be undone twice would hide the reason. */
function isDone(sql: string, { isTransaction }: DatabaseSync): boolean {
  return sql === "rollback" && !isTransaction;
}
