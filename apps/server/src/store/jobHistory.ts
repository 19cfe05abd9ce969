/** @file What happened to a job: its events, its checkpoints and its trials. */
import type { Kysely, Selectable } from "kysely";
import { UnknownCursorError } from "./errors.ts";
import { pageOf, type Page, type PageRequest } from "./page.ts";
import type { JobCheckpointsTable, JobEventsTable, JobStatus, Tables } from "./schema.ts";

export type EventRecord = Selectable<JobEventsTable>;
export type CheckpointRecord = Selectable<JobCheckpointsTable>;

export class JobHistory {
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  /** @returns the event, or undefined when one with the same `once` is there already */
  addEvent(event: Omit<EventRecord, "sequence">): Promise<EventRecord | undefined> {
    return this.#db
      .insertInto("job_events")
      .values(event)
      .onConflict((conflict) => conflict.columns(["job_id", "once"]).doNothing())
      .returningAll()
      .executeTakeFirst();
  }

  /** The newest first. @throws UnknownCursorError */
  async listEvents(jobId: string, { after, limit }: PageRequest): Promise<Page<EventRecord>> {
    let query = this.#db
      .selectFrom("job_events")
      .selectAll()
      .where("job_id", "=", jobId)
      .orderBy("sequence", "desc")
      .limit(limit + 1);
    if (after !== undefined) query = query.where("sequence", "<", await this.#sequenceOf(jobId, after));
    return pageOf(await query.execute(), limit);
  }

  /** What came after an event, the oldest first; from the beginning without one. @throws UnknownCursorError */
  async eventsSince(jobId: string, { after, limit }: PageRequest): Promise<EventRecord[]> {
    let query = this.#db
      .selectFrom("job_events")
      .selectAll()
      .where("job_id", "=", jobId)
      .orderBy("sequence", "asc")
      .limit(limit);
    if (after !== undefined) query = query.where("sequence", ">", await this.#sequenceOf(jobId, after));
    return query.execute();
  }

  /** All events with numbers, the oldest first. */
  metricsOf(jobId: string): Promise<EventRecord[]> {
    return this.#db
      .selectFrom("job_events")
      .selectAll()
      .where("job_id", "=", jobId)
      .where("type", "=", "metrics")
      .orderBy("sequence", "asc")
      .execute();
  }

  /** A checkpoint that a replay writes again takes the place of the one before. */
  async addCheckpoint(checkpoint: Omit<CheckpointRecord, "sequence">): Promise<void> {
    const { folder, metrics } = checkpoint;
    await this.#db
      .insertInto("job_checkpoints")
      .values(checkpoint)
      .onConflict((conflict) => conflict.columns(["job_id", "step"]).doUpdateSet({ folder, metrics }))
      .execute();
  }

  findCheckpoint(jobId: string, step: number): Promise<CheckpointRecord | undefined> {
    return this.#db
      .selectFrom("job_checkpoints")
      .selectAll()
      .where("job_id", "=", jobId)
      .where("step", "=", step)
      .executeTakeFirst();
  }

  /** Of all jobs, the oldest first, each with the status of its job. */
  allCheckpoints(): Promise<(CheckpointRecord & { readonly status: JobStatus })[]> {
    return this.#db
      .selectFrom("job_checkpoints")
      .innerJoin("jobs", "jobs.id", "job_checkpoints.job_id")
      .selectAll("job_checkpoints")
      .select("jobs.status")
      .orderBy("job_checkpoints.sequence", "asc")
      .execute();
  }

  async removeCheckpoint(jobId: string, step: number): Promise<void> {
    await this.#db.deleteFrom("job_checkpoints").where("job_id", "=", jobId).where("step", "=", step).execute();
  }

  async removeCheckpoints(jobId: string): Promise<void> {
    await this.#db.deleteFrom("job_checkpoints").where("job_id", "=", jobId).execute();
  }

  /** The latest step first. @throws UnknownCursorError */
  async listCheckpoints(jobId: string, { after, limit }: PageRequest): Promise<Page<CheckpointRecord>> {
    let query = this.#db
      .selectFrom("job_checkpoints")
      .selectAll()
      .where("job_id", "=", jobId)
      .orderBy("step", "desc")
      .limit(limit + 1);
    if (after !== undefined) {
      const start = await this.#db
        .selectFrom("job_checkpoints")
        .select("step")
        .where("job_id", "=", jobId)
        .where("id", "=", after)
        .executeTakeFirst();
      if (start === undefined) throw new UnknownCursorError(after);
      query = query.where("step", "<", start.step);
    }
    return pageOf(await query.execute(), limit);
  }

  /** As it is now, in the place of what was known of it. @param trial - JSON */
  async putTrial(jobId: string, { number, trial }: { readonly number: number; readonly trial: string }): Promise<void> {
    await this.#db
      .insertInto("job_trials")
      .values({ job_id: jobId, number, trial })
      .onConflict((conflict) => conflict.columns(["job_id", "number"]).doUpdateSet({ trial }))
      .execute();
  }

  /** JSON. */
  async findTrial(jobId: string, number: number): Promise<string | null> {
    const row = await this.#db
      .selectFrom("job_trials")
      .select("trial")
      .where("job_id", "=", jobId)
      .where("number", "=", number)
      .executeTakeFirst();
    return row?.trial ?? null;
  }

  /** JSON of each, in order of their numbers. */
  async trialsOf(jobId: string): Promise<string[]> {
    const rows = await this.#db
      .selectFrom("job_trials")
      .select("trial")
      .where("job_id", "=", jobId)
      .orderBy("number", "asc")
      .execute();
    return rows.map(({ trial }) => trial);
  }

  async #sequenceOf(jobId: string, eventId: string): Promise<number> {
    const found = await this.#db
      .selectFrom("job_events")
      .select("sequence")
      .where("job_id", "=", jobId)
      .where("id", "=", eventId)
      .executeTakeFirst();
    if (found === undefined) throw new UnknownCursorError(eventId);
    return found.sequence;
  }
}
