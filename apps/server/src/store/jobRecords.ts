/**
 * @file What the store knows of fine-tuning jobs. Every change of a job's status is one statement that names the statuses it
 * may come from, so that of two who want to change it one wins and the other is told.
 */
import type { Kysely, Selectable } from "kysely";
import { UnknownCursorError } from "./errors.ts";
import { pageOf, type Page, type PageRequest } from "./page.ts";
import { jobStatuses, type JobsTable, type JobStatus, type Tables } from "./schema.ts";

export type JobRecord = Selectable<JobsTable>;

export type NewJob = Pick<
  JobRecord,
  | "id"
  | "created_at"
  | "model"
  | "base"
  | "training_file"
  | "validation_file"
  | "seed"
  | "method"
  | "metadata"
  | "model_name"
>;

/** Jobs that still want their files and their base model. */
const unfinished = ["queued", "running", "paused"] as const satisfies readonly JobStatus[];

export class JobRecords {
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  async add(job: NewJob): Promise<JobRecord> {
    const row = { ...job, status: "queued" as const, attempt: 0, stalls: 0, is_swept: 0 };
    return this.#db.insertInto("jobs").values(row).returningAll().executeTakeFirstOrThrow();
  }

  find(id: string): Promise<JobRecord | undefined> {
    return this.#db.selectFrom("jobs").selectAll().where("id", "=", id).executeTakeFirst();
  }

  /** @param name - that its model has, or will have */
  findByModelName(name: string): Promise<JobRecord | undefined> {
    return this.#db.selectFrom("jobs").selectAll().where("model_name", "=", name).executeTakeFirst();
  }

  /** The newest first. @throws UnknownCursorError */
  async list({ after, limit }: PageRequest): Promise<Page<JobRecord>> {
    let query = this.#db
      .selectFrom("jobs")
      .selectAll()
      .orderBy("sequence", "desc")
      .limit(limit + 1);
    if (after !== undefined) {
      const start = await this.find(after);
      if (start === undefined) throw new UnknownCursorError(after);
      query = query.where("sequence", "<", start.sequence);
    }
    return pageOf(await query.execute(), limit);
  }

  /** Take the job that has waited longest: it runs from now on. */
  claim(options: { readonly now: number; readonly except: readonly string[] }): Promise<JobRecord | undefined> {
    const { now, except } = options;
    return this.#db
      .updateTable("jobs")
      .set((eb) => ({
        status: "running",
        started_at: eb.fn.coalesce("started_at", eb.val(now)),
        attempt: eb("attempt", "+", 1),
      }))
      .where("status", "=", "queued")
      .where("sequence", "=", (eb) =>
        eb
          .selectFrom("jobs as waiting")
          .select("waiting.sequence")
          .where("waiting.status", "=", "queued")
          .$if(except.length > 0, (query) => query.where("waiting.id", "not in", [...except]))
          .orderBy("waiting.sequence")
          .limit(1),
      )
      .returningAll()
      .executeTakeFirst();
  }

  /**
   * Change a job, if it has one of these statuses; with `attempt`, also only if it has not been started anew since.
   * @returns the job as it is now, or undefined when it was not changed
   */
  change(
    id: string,
    only: { readonly from: readonly JobStatus[]; readonly attempt?: number },
    changes: Partial<Omit<JobRecord, "sequence" | "id">>,
  ): Promise<JobRecord | undefined> {
    let query = this.#db
      .updateTable("jobs")
      .set(changes)
      .where("id", "=", id)
      .where("status", "in", [...only.from]);
    if (only.attempt !== undefined) query = query.where("attempt", "=", only.attempt);
    return query.returningAll().executeTakeFirst();
  }

  /** What an earlier gateway has left running waits again. @returns their ids */
  async requeueRunning(): Promise<string[]> {
    const rows = await this.#db
      .updateTable("jobs")
      .set({ status: "queued" })
      .where("status", "=", "running")
      .returning("id")
      .execute();
    return rows.map(({ id }) => id);
  }

  /** An unfinished job that reads this file. */
  usingFile(fileId: string): Promise<JobRecord | undefined> {
    return this.#db
      .selectFrom("jobs")
      .selectAll()
      .where("status", "in", [...unfinished])
      .where((eb) => eb.or([eb("training_file", "=", fileId), eb("validation_file", "=", fileId)]))
      .executeTakeFirst();
  }

  /** An unfinished job that starts from this model, or learns from it. */
  async usingModel(model: string): Promise<JobRecord | undefined> {
    const jobs = await this.#db
      .selectFrom("jobs")
      .selectAll()
      .where("status", "in", [...unfinished])
      .where((eb) => eb.or([eb("model", "=", model), eb("method", "like", '%"teacher"%')]))
      .execute();
    return jobs.find((job) => job.model === model || teacherOf(job) === model);
  }

  /** Jobs that have ended before this time and still have a folder. */
  async endedBefore(time: number): Promise<string[]> {
    const rows = await this.#db
      .selectFrom("jobs")
      .select("id")
      .where("finished_at", "<=", time)
      .where("is_swept", "=", 0)
      .execute();
    return rows.map(({ id }) => id);
  }

  async countByStatus(): Promise<Record<JobStatus, number>> {
    const rows = await this.#db
      .selectFrom("jobs")
      .select(({ fn }) => ["status", fn.countAll<number>().as("count")])
      .groupBy("status")
      .execute();
    const none = Object.fromEntries(jobStatuses.map((status) => [status, 0])) as Record<JobStatus, number>;
    return { ...none, ...Object.fromEntries(rows.map(({ status, count }) => [status, count])) };
  }
}

/** Name of the model that a job learns from. */
function teacherOf({ method }: Pick<JobRecord, "method">): string | undefined {
  return (JSON.parse(method) as { readonly teacher?: { readonly model: string } }).teacher?.model;
}
