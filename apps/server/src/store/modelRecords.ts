/** @file What the store knows of fine-tuned models. Their folders are in the data folder. */
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

  /** @returns whether it was there */
  async remove(id: string): Promise<boolean> {
    const { numDeletedRows } = await this.#db.deleteFrom("models").where("id", "=", id).executeTakeFirstOrThrow();
    return numDeletedRows > 0n;
  }
}
