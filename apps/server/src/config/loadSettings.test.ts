import { describe, expect, test } from "vitest";
import { loadSettings, SettingsError } from "./loadSettings.ts";

const load = (env: Readonly<Record<string, string>>, flags = {}) => loadSettings({ env, flags });

describe("loadSettings()", () => {
  test("takes the database from DATABASE_URL, from our own variable before it, and from the flag before both", async () => {
    expect((await load({})).databaseUrl).toBeUndefined();
    expect((await load({ DATABASE_URL: "" })).databaseUrl).toBeUndefined();
    const env = { DATABASE_URL: "postgres://common" };
    expect((await load(env)).databaseUrl).toBe("postgres://common");
    const both = { ...env, STAGECOACH_DATABASE_URL: "postgres://own" };
    expect((await load(both)).databaseUrl).toBe("postgres://own");
    expect((await load(both, { databaseUrl: "postgres://flag" })).databaseUrl).toBe("postgres://flag");
  });

  test("reads sizes of files as people write them", async () => {
    const { maxFileBytes, maxFilesBytes } = await load(
      { STAGECOACH_MAX_FILE_BYTES: "1.5GB" },
      { maxFilesBytes: "20MB" },
    );
    expect([maxFileBytes, maxFilesBytes]).toEqual([1.5e9, 20e6]);
    await expect(load({ STAGECOACH_MAX_FILE_BYTES: "much" })).rejects.toThrow(SettingsError);
  });
});
