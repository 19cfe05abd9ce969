import { describe, expect, test } from "vitest";
import { EngineUnavailableError } from "../errors.ts";
import { loadEngine } from "./engines.ts";
import { loadTfjs } from "./loadTfjs.ts";

describe("loadTfjs()", () => {
  test("gives the wasm backend by name, and leaves the process's handlers of uncaught errors alone", async () => {
    const events = ["uncaughtException", "unhandledRejection"] as const;
    const before = events.map((event) => process.rawListeners(event));
    const engine = await loadTfjs({ variant: "tfjs-wasm", threads: 1 });
    expect(engine.name).toBe("tfjs-wasm");
    expect(events.map((event) => process.rawListeners(event))).toEqual(before);
  });
  test("gives the same backend again, whatever the thread count", async () => {
    expect((await loadEngine("tfjs-wasm", { threads: 4 })).description).toContain("1 thread");
  });
  test("refuses a second backend in one process, and says what to do", async () => {
    const refused = loadTfjs({ variant: "tfjs-node", threads: 1 });
    await expect(refused).rejects.toThrow(EngineUnavailableError);
    await expect(refused).rejects.toMatchObject({ engine: "tfjs-node", remedy: "start another process" });
  });
});
