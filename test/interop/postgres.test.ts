/** @file The store on Debian's PostgreSQL: the suite that it passes on `node:sqlite` (apps/server/src/store/testing). */
import { afterAll, beforeAll } from "vitest";
import { startPostgres, type TestPostgres } from "../../apps/server/src/store/testing/startPostgres.ts";
import { storeCases } from "../../apps/server/src/store/testing/storeCases.ts";

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());

storeCases("PostgreSQL", () => postgres.createDatabase());
