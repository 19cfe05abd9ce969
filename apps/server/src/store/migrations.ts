/**
 * @file The numbered steps that lead from an empty database, or that of any earlier release, to today's tables.
 *
 * A step is never changed once it was released: a change of the tables is a new step. Each runs in a transaction together
 * with the note that it was run, so that a crash leaves either both or none.
 */
import { sql, type ColumnDefinitionBuilder, type Kysely, type Transaction } from "kysely";
import { StoreError } from "./errors.ts";
import type { DatabaseKind, Tables } from "./schema.ts";

type Migration = {
  readonly name: string;
  readonly up: (db: Transaction<Tables>, kind: DatabaseKind) => Promise<void>;
};

/** The first has number 1. */
export const migrations: readonly Migration[] = [
  { name: "files, jobs and models", up: filesJobsAndModels },
  { name: "trials of jobs", up: trialsOfJobs },
  { name: "evaluations of models", up: evaluationsOfModels },
];

/**
 * Run what has not been run yet.
 * @param upTo - number of the last step; for tests of databases that earlier releases have left
 * @throws StoreError when a newer release has written this database
 */
export async function migrate(db: Kysely<Tables>, kind: DatabaseKind, upTo = migrations.length): Promise<void> {
  await db.schema
    .createTable("migrations")
    .ifNotExists()
    .addColumn("number", "integer", (column) => column.primaryKey())
    .addColumn("name", "text", required)
    .addColumn("applied_at", "bigint", required)
    .execute();
  const { last } = await db
    .selectFrom("migrations")
    .select(({ fn }) => fn.max("number").as("last"))
    .executeTakeFirstOrThrow();
  const done = last ?? 0;
  if (done > migrations.length) {
    throw new StoreError(
      `the database was written by a newer release (its tables have version ${done}, this release knows ${migrations.length}): ` +
        `start that release, or use another data folder`,
    );
  }
  for (let number = done + 1; number <= upTo; number++) {
    const { name, up } = migrations[number - 1]!;
    await db.transaction().execute(async (transaction) => {
      await up(transaction, kind);
      await transaction
        .insertInto("migrations")
        .values({ number, name, applied_at: Math.floor(Date.now() / 1000) })
        .execute();
    });
  }
}

const required = (column: ColumnDefinitionBuilder) => column.notNull();

/** SQLite counts without reuse only in a column of exactly this type. */
const numbered = (db: Transaction<Tables>, kind: DatabaseKind, name: string) =>
  db.schema
    .createTable(name)
    .addColumn("sequence", kind === "sqlite" ? "integer" : "bigserial", (column) =>
      kind === "sqlite" ? column.primaryKey().autoIncrement() : column.primaryKey(),
    );

async function trialsOfJobs(db: Transaction<Tables>, kind: DatabaseKind): Promise<void> {
  await numbered(db, kind, "job_trials")
    .addColumn("job_id", "text", (column) => column.notNull().references("jobs.id"))
    .addColumn("number", "integer", required)
    .addColumn("trial", "text", required)
    .addUniqueConstraint("job_trials_number", ["job_id", "number"])
    .execute();
}

async function evaluationsOfModels(db: Transaction<Tables>, kind: DatabaseKind): Promise<void> {
  await numbered(db, kind, "model_evaluations")
    .addColumn("job_id", "text", (column) => column.notNull().references("jobs.id"))
    .addColumn("split", "text", required)
    .addColumn("report", "text", required)
    .addUniqueConstraint("model_evaluations_split", ["job_id", "split"])
    .execute();
}

async function filesJobsAndModels(db: Transaction<Tables>, kind: DatabaseKind): Promise<void> {
  const table = (name: string) =>
    numbered(db, kind, name).addColumn("id", "text", (column) => column.notNull().unique());
  await table("files")
    .addColumn("bytes", "bigint", required)
    .addColumn("created_at", "bigint", required)
    .addColumn("expires_at", "bigint")
    .addColumn("filename", "text", required)
    .addColumn("purpose", "text", required)
    .addColumn("sha256", "text", required)
    .execute();
  await db.schema.createIndex("files_sha256").on("files").column("sha256").execute();
  await table("jobs")
    .addColumn("status", "text", (column) =>
      column.notNull().check(sql`status in ('queued', 'running', 'paused', 'succeeded', 'failed', 'cancelled')`),
    )
    .addColumn("created_at", "bigint", required)
    .addColumn("started_at", "bigint")
    .addColumn("finished_at", "bigint")
    .addColumn("model", "text", required)
    .addColumn("base", "text", required)
    .addColumn("training_file", "text", required)
    .addColumn("validation_file", "text")
    .addColumn("seed", "bigint", required)
    .addColumn("method", "text", required)
    .addColumn("metadata", "text")
    .addColumn("model_name", "text", (column) => column.notNull().unique())
    .addColumn("result_file", "text")
    .addColumn("trained_tokens", "bigint")
    .addColumn("error", "text")
    .addColumn("attempt", "integer", (column) => column.notNull().defaultTo(0))
    .addColumn("stalls", "integer", (column) => column.notNull().defaultTo(0))
    .addColumn("is_swept", "integer", (column) => column.notNull().defaultTo(0))
    .execute();
  await db.schema.createIndex("jobs_status").on("jobs").column("status").execute();
  const ofJob = (name: string) =>
    table(name)
      .addColumn("job_id", "text", (column) => column.notNull().references("jobs.id"))
      .addColumn("created_at", "bigint", required);
  await ofJob("job_events")
    .addColumn("level", "text", required)
    .addColumn("message", "text", required)
    .addColumn("type", "text", required)
    .addColumn("data", "text")
    .addColumn("once", "text")
    .addUniqueConstraint("job_events_once", ["job_id", "once"])
    .execute();
  await db.schema.createIndex("job_events_job").on("job_events").columns(["job_id", "sequence"]).execute();
  await ofJob("job_checkpoints")
    .addColumn("step", "integer", required)
    .addColumn("folder", "text", required)
    .addColumn("metrics", "text", required)
    .addUniqueConstraint("job_checkpoints_step", ["job_id", "step"])
    .execute();
  await ofJob("models")
    .addColumn("base", "text", required)
    .addColumn("task", "text", required)
    .addColumn("folder", "text", required)
    .execute();
}
