import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { StoreError, StoreLockedError } from "./errors.ts";
import { hasState } from "./hasState.ts";
import { openStore } from "./openStore.ts";
import { postgresCases } from "./testing/postgresCases.ts";
import { missingPostgres, startPostgres, type TestPostgres } from "./testing/startPostgres.ts";
import { storeCases } from "./testing/storeCases.ts";

storeCases("node:sqlite", null);

const absent = missingPostgres();
describe.skipIf(absent !== null)(`PostgreSQL (${absent ?? "present"})`, () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres.stop());
  storeCases("PostgreSQL", () => postgres.createDatabase());
  postgresCases(() => postgres);
});

const newFolder = () => mkdtempSync(join(tmpdir(), "stagecoach-store-"));

describe("openStore()", () => {
  let dataDir: string;
  beforeEach(() => {
    dataDir = newFolder();
  });
  afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

  test("a gateway that was killed leaves no lock", async () => {
    const program = `const { openStore } = await import(${JSON.stringify(import.meta.resolve("./openStore.ts"))});
      await openStore({ dataDir: ${JSON.stringify(dataDir)} }); console.log("open"); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--conditions=@stagecoach/source", "--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    await expect(openStore({ dataDir })).rejects.toThrow(StoreLockedError);
    child.kill("SIGKILL");
    await once(child, "exit");
    const store = await openStore({ dataDir });
    await store.close();
  });

  test("leaves a new data folder without a database until it is called", async () => {
    expect(hasState({ dataDir })).toBe(false);
    await (await openStore({ dataDir })).close();
    expect(hasState({ dataDir })).toBe(true);
    expect(hasState({ dataDir: "/nowhere", databaseUrl: "postgres://a/b" })).toBe(true);
  });

  test("a file that is no database is an error that says what to do with it, and frees the folder", async () => {
    writeFileSync(join(dataDir, "state.db"), "this is no database ".repeat(100));
    await expect(openStore({ dataDir })).rejects.toThrow(StoreError);
    await expect(openStore({ dataDir })).rejects.toThrow(/state\.db cannot be used: .*restore it from a backup/);
  });

  test("a data folder that is a file is an error", async () => {
    writeFileSync(join(dataDir, "file"), "");
    await expect(openStore({ dataDir: join(dataDir, "file") })).rejects.toThrow(/--data-dir/);
  });

  test("an address of another kind is an error that does not show it", async () => {
    const opening = openStore({ dataDir, databaseUrl: "mysql://user:secret@host/db" });
    await expect(opening).rejects.toThrow("DATABASE_URL: expected postgres://");
    await expect(opening).rejects.not.toThrow(/secret/);
  });

  test("the lock's file stays empty", async () => {
    const store = await openStore({ dataDir });
    expect(statSync(join(dataDir, "lock")).size).toBe(0);
    await store.close();
  });
});
