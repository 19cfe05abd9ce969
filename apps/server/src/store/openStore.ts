/**
 * @file The state of a gateway: `node:sqlite` in the data folder, or PostgreSQL where an address is given. One interface for both.
 *
 * One gateway at a time: a second one on the same folder, or on the same database, is refused.
 */
import { Kysely, type Dialect } from "kysely";
import { join } from "node:path";
import { isOutOfRoom, StoreError } from "./errors.ts";
import { FileRecords } from "./fileRecords.ts";
import { lockFolder } from "./folderLock.ts";
import { DATABASE_FILE } from "./hasState.ts";
import { JobHistory } from "./jobHistory.ts";
import { JobRecords } from "./jobRecords.ts";
import { migrate } from "./migrations.ts";
import { ModelRecords } from "./modelRecords.ts";
import type { DatabaseKind, Tables } from "./schema.ts";
import { sqliteDialect } from "./sqliteDialect.ts";

export type Records = {
  readonly files: FileRecords;
  readonly jobs: JobRecords;
  readonly history: JobHistory;
  readonly models: ModelRecords;
};

export type Store = Records & {
  readonly kind: DatabaseKind;
  /**
   * All of the work, or nothing of it. The work uses the records that it is given: there is one connection, and the
   * store's own records would wait for the transaction to end.
   */
  readonly transaction: <T>(work: (records: Records) => Promise<T>) => Promise<T>;
  readonly close: () => Promise<void>;
};

export type StoreOptions = {
  readonly dataDir: string;
  /** `postgres://...`; the data folder's own database without it. */
  readonly databaseUrl?: string | undefined;
  /** How long a gateway that was just killed is waited for. */
  readonly lockWaitMs?: number;
  /** The database went away while nothing was asked of it. */
  readonly onInterruption?: (error: Error) => void;
};

const LOCK_WAIT_MS = 5000;

/** @throws StoreLockedError @throws StoreError */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { dataDir, databaseUrl } = options;
  const kind = databaseUrl === undefined ? "sqlite" : "postgres";
  const db = new Kysely<Tables>({ dialect: await dialectOf(options) });
  const lock = lockFolder(dataDir, "another gateway");
  try {
    await migrate(db, kind);
  } catch (error) {
    await db.destroy().catch(() => {});
    lock.release();
    if (error instanceof StoreError) throw error;
    if (kind === "sqlite") throw damaged(join(dataDir, DATABASE_FILE), error);
    const { describeConnectionFailure } = await import("./postgresDialect.ts");
    throw describeConnectionFailure(error);
  }
  return {
    ...recordsOf(db),
    kind,
    transaction: (work) => db.transaction().execute((transaction) => work(recordsOf(transaction))),
    async close() {
      await db.destroy();
      lock.release();
    },
  };
}

/** PostgreSQL's client is loaded where it is asked for. */
async function dialectOf(options: StoreOptions): Promise<Dialect> {
  const { dataDir, databaseUrl, lockWaitMs = LOCK_WAIT_MS, onInterruption } = options;
  if (databaseUrl === undefined) return sqliteDialect(join(dataDir, DATABASE_FILE));
  if (!/^postgres(ql)?:\/\//.test(databaseUrl))
    throw new StoreError("DATABASE_URL: expected postgres://USER:PASSWORD@HOST:PORT/DATABASE");
  const { postgresDialect } = await import("./postgresDialect.ts");
  return postgresDialect(databaseUrl, { lockWaitMs, onInterruption: onInterruption ?? (() => {}) });
}

function recordsOf(db: Kysely<Tables>): Records {
  return {
    files: new FileRecords(db),
    jobs: new JobRecords(db),
    history: new JobHistory(db),
    models: new ModelRecords(db),
  };
}

function damaged(path: string, cause: unknown): StoreError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const remedy = isOutOfRoom(cause)
    ? "free some room on the disk"
    : "restore it from a backup, or move it away to start afresh";
  return new StoreError(`${path} cannot be used: ${why} (${remedy})`, { cause });
}
