/** @file What the store knows of uploaded files. Their content is in the data folder (files/contentFolder.ts). */
import type { Kysely, Selectable } from "kysely";
import { UnknownCursorError } from "./errors.ts";
import { pageOf, type Page, type PageRequest } from "./page.ts";
import type { FilesTable, Tables } from "./schema.ts";

export type FileRecord = Omit<Selectable<FilesTable>, "sequence">;

const columns = ["id", "bytes", "created_at", "expires_at", "filename", "purpose", "sha256"] as const;

export class FileRecords {
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  async add(file: FileRecord): Promise<void> {
    await this.#db.insertInto("files").values(file).execute();
  }

  find(id: string): Promise<FileRecord | undefined> {
    return this.#db.selectFrom("files").select(columns).where("id", "=", id).executeTakeFirst();
  }

  /** @throws UnknownCursorError */
  async list(
    request: PageRequest & { readonly order: "asc" | "desc"; readonly purpose?: string | undefined },
  ): Promise<Page<FileRecord>> {
    const { after, limit, order, purpose } = request;
    let query = this.#db
      .selectFrom("files")
      .select(columns)
      .orderBy("sequence", order)
      .limit(limit + 1);
    if (purpose !== undefined) query = query.where("purpose", "=", purpose);
    if (after !== undefined) {
      const start = await this.#db.selectFrom("files").select("sequence").where("id", "=", after).executeTakeFirst();
      if (start === undefined) throw new UnknownCursorError(after);
      query = query.where("sequence", order === "asc" ? ">" : "<", start.sequence);
    }
    return pageOf(await query.execute(), limit);
  }

  /** @returns whether it was there */
  async remove(id: string): Promise<boolean> {
    const { numDeletedRows } = await this.#db.deleteFrom("files").where("id", "=", id).executeTakeFirstOrThrow();
    return numDeletedRows > 0n;
  }

  async hasContent(sha256: string): Promise<boolean> {
    const found = await this.#db.selectFrom("files").select("id").where("sha256", "=", sha256).executeTakeFirst();
    return found !== undefined;
  }

  /** Digests of all contents that some file has. */
  async contents(): Promise<Set<string>> {
    const rows = await this.#db.selectFrom("files").select("sha256").distinct().execute();
    return new Set(rows.map(({ sha256 }) => sha256));
  }

  async expiredIds(now: number): Promise<string[]> {
    const rows = await this.#db.selectFrom("files").select("id").where("expires_at", "<=", now).execute();
    return rows.map(({ id }) => id);
  }

  /** How many there are, and their bytes. A content that several files have counts for each. */
  async totals(): Promise<{ readonly count: number; readonly bytes: number }> {
    const { count, bytes } = await this.#db
      .selectFrom("files")
      .select(({ fn }) => [fn.countAll<number>().as("count"), fn.sum<number | string | null>("bytes").as("bytes")])
      .executeTakeFirstOrThrow();
    return { count, bytes: Number(bytes ?? 0) };
  }
}
