/**
 * @file Kysely on PostgreSQL, over one connection that holds the gateway's lock.
 *
 * The lock (an advisory one) belongs to the session that writes: as long as anything can be written the lock is held, and a
 * connection that is made anew after an interruption has to get it again. Tables live in a schema of their own.
 */
import { PostgresDialect } from "kysely";
import { Pool, types, type ClientBase, type CustomTypesConfig } from "pg";
import { setTimeout as sleep } from "node:timers/promises";
import { StoreError, StoreLockedError } from "./errors.ts";

const SCHEMA = "stagecoach";
/** "stage" in ASCII, as a number: any fixed one does. */
const LOCK = 0x7374616765;
const LOCK_POLL_MS = 100;
const CONNECTION_TIMEOUT_MS = 10_000;
/** Type number of `bigint`, which pg gives as text unless told; ours stay far below 2^53. */
const INT8 = 20;

export type PostgresOptions = {
  /** A gateway that was killed a moment ago may still have its session. */
  readonly lockWaitMs: number;
  /** The connection broke while nobody was using it; the next query makes another. */
  readonly onInterruption: (error: Error) => void;
};

export function postgresDialect(url: string, { lockWaitMs, onInterruption }: PostgresOptions): PostgresDialect {
  const pool = new Pool({
    connectionString: url,
    max: 1,
    idleTimeoutMillis: 0,
    connectionTimeoutMillis: CONNECTION_TIMEOUT_MS + lockWaitMs,
    keepAlive: true,
    application_name: "stagecoach",
    types: numbersForIntegers,
    // The pool waits for it, and gives up a connection for which it fails.
    // oxlint-disable-next-line typescript/no-misused-promises -- pg-pool 3.14 takes a promise, @types/pg does not know
    onConnect: (client) => prepare(client, lockWaitMs),
  });
  pool.on("error", onInterruption);
  return new PostgresDialect({ pool });
}

const numbersForIntegers: CustomTypesConfig = {
  getTypeParser: (...[type, format]: Parameters<CustomTypesConfig["getTypeParser"]>) =>
    (type as number) === INT8 ? Number : types.getTypeParser(type, format),
};

/** @throws StoreLockedError */
async function prepare(client: ClientBase, lockWaitMs: number): Promise<void> {
  const deadline = performance.now() + lockWaitMs;
  while (!(await isLocked(client))) {
    if (performance.now() >= deadline) {
      throw new StoreLockedError(
        "another gateway works on this database (DATABASE_URL): stop it, or give this one a database of its own",
      );
    }
    await sleep(LOCK_POLL_MS);
  }
  await client.query(`create schema if not exists ${SCHEMA}`);
  await client.query(`set search_path to ${SCHEMA}`);
}

async function isLocked(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>("select pg_try_advisory_lock($1) as locked", [LOCK]);
  return rows[0]!.locked;
}

/** What a person can do about a database that does not answer. The URL is not shown: it may hold a password. */
export function describeConnectionFailure(cause: unknown): unknown {
  if (cause instanceof StoreLockedError || !(cause instanceof Error)) return cause;
  const why = cause instanceof AggregateError ? cause.errors.map(String).join("; ") : cause.message;
  return new StoreError(`the database at DATABASE_URL cannot be used: ${why}`, { cause });
}
