/** @file What the store knows of fine-tuned models. Their folders are in the data folder. */
import type { EvaluationReport } from "@stagecoach/training";
import type { Kysely, Selectable } from "kysely";
import type { ModelsTable, Tables } from "./schema.ts";

export type ModelRecord = Omit<Selectable<ModelsTable>, "sequence">;

const columns = ["id", "job_id", "base", "task", "folder", "created_at"] as const;

export class ModelRecords {
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  async add(model: ModelRecord): Promise<void> {
    await this.#db.insertInto("models").values(model).execute();
  }

  find(id: string): Promise<ModelRecord | undefined> {
    return this.#db.selectFrom("models").select(columns).where("id", "=", id).executeTakeFirst();
  }

  /** The newest first. */
  list(): Promise<ModelRecord[]> {
    return this.#db.selectFrom("models").select(columns).orderBy("sequence", "desc").execute();
  }

  /** Of the job that has made a model. */
  async addEvaluation(jobId: string, report: EvaluationReport): Promise<void> {
    const row = { job_id: jobId, split: report.split, report: JSON.stringify(report) };
    await this.#db.insertInto("model_evaluations").values(row).execute();
  }

  async evaluationsOf(jobId: string): Promise<EvaluationReport[]> {
    const rows = await this.#db.selectFrom("model_evaluations").select("report").where("job_id", "=", jobId).execute();
    return rows.map(({ report }) => JSON.parse(report) as EvaluationReport);
  }

  /** With its evaluations. @returns whether it was there */
  async remove(id: string): Promise<boolean> {
    await this.#db
      .deleteFrom("model_evaluations")
      .where("job_id", "in", (query) => query.selectFrom("models").select("job_id").where("id", "=", id))
      .execute();
    const { numDeletedRows } = await this.#db.deleteFrom("models").where("id", "=", id).executeTakeFirstOrThrow();
    return numDeletedRows > 0n;
  }
}
