/** @file What a store does on PostgreSQL only: its lock is the session's, and its address is a secret. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { StoreLockedError } from "../errors.ts";
import { openStore, type Store } from "../openStore.ts";
import type { TestPostgres } from "./startPostgres.ts";

/** @param postgres - once it runs */
export function postgresCases(postgres: () => TestPostgres): void {
  describe("a store's place on PostgreSQL", () => {
    let folders: string[];
    let databaseUrl: string;
    beforeEach(() => {
      folders = [];
      databaseUrl = postgres().createDatabase();
    });
    afterEach(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));
    /** In a data folder of its own: what is refused is not the folder. */
    const open = (onInterruption?: () => void): Promise<Store> => {
      const dataDir = mkdtempSync(join(tmpdir(), "stagecoach-store-"));
      folders.push(dataDir);
      return openStore({ dataDir, databaseUrl, lockWaitMs: 200, ...(onInterruption && { onInterruption }) });
    };
    const openAndInterrupt = async (): Promise<Store> => {
      const interrupted = Promise.withResolvers<void>();
      const store = await open(() => interrupted.resolve());
      postgres().endSessions();
      await interrupted.promise;
      return store;
    };

    test("a second gateway on the same database is refused, although its data folder is another", async () => {
      const store = await open();
      await expect(open()).rejects.toThrow(StoreLockedError);
      await expect(open()).rejects.toThrow(/another gateway works on this database \(DATABASE_URL\)/);
      await store.close();
      await (await open()).close();
    });

    test("a session that the server ends is made anew, with its lock", async () => {
      const store = await openAndInterrupt();
      expect(await store.files.totals()).toEqual({ count: 0, bytes: 0 });
      await expect(open()).rejects.toThrow(StoreLockedError);
      await store.close();
    });

    test("a gateway whose place another has taken meanwhile can read and write nothing, until that one ends", async () => {
      const first = await openAndInterrupt();
      const second = await open();
      await expect(first.files.totals()).rejects.toThrow(StoreLockedError);
      await expect(first.transaction(({ jobs }) => jobs.requeueRunning())).rejects.toThrow(StoreLockedError);
      await second.close();
      expect(await first.files.totals()).toEqual({ count: 0, bytes: 0 });
      await first.close();
    });

    test("a database that does not exist is an error that names DATABASE_URL and shows no password", async () => {
      databaseUrl = databaseUrl.replace(/postgres@\/\w+/, "postgres:secret@/nowhere");
      await expect(open()).rejects.toThrow(/DATABASE_URL.*"nowhere" does not exist/);
      await expect(open()).rejects.not.toThrow(/secret/);
    });
  });
}
