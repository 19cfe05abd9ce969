import { pino } from "pino";
import { afterEach, describe, expect, test, vi } from "vitest";
import { Supervisor } from "./supervisor.ts";

const { execPath } = process;
const place = { replica: 0, stage: 0 };

function supervise(settings: { readonly token?: string } = {}) {
  const onRestart = vi.fn<() => void>();
  const supervisor = new Supervisor({
    places: [place],
    settings: {
      join: "ws://127.0.0.1:1",
      token: "unused",
      listenHost: "127.0.0.1",
      listenPort: 0,
      advertise: null,
      modelFolder: null,
      traces: false,
      ...settings,
    },
    log: pino({ level: "silent" }),
    onRestart,
  });
  return { supervisor, onRestart };
}

/** However slow the machine is. */
const WAIT = { timeout: 15_000 };

describe("a worker whose process cannot be started", () => {
  afterEach(() => {
    process.execPath = execPath;
  });

  test("is started again, and lives once it can be", async () => {
    process.execPath = "/nowhere/node";
    const { supervisor, onRestart } = supervise();
    supervisor.start();
    await vi.waitFor(() => expect(onRestart).toHaveBeenCalledTimes(2), WAIT);
    expect(supervisor.pids()).toEqual([]);
    process.execPath = execPath;
    await vi.waitFor(() => expect(supervisor.pids()).toMatchObject([{ place }]), WAIT);
    await supervisor.stop(0);
  });

  test("is started again where the system refuses at once", async () => {
    // Longer than a variable may be.
    const { supervisor, onRestart } = supervise({ token: "x".repeat(200_000) });
    supervisor.start();
    await vi.waitFor(() => expect(onRestart).toHaveBeenCalledTimes(2), WAIT);
    await supervisor.stop(0);
  });

  test("is not waited for by whoever stops all workers", async () => {
    process.execPath = "/nowhere/node";
    const { supervisor } = supervise();
    supervisor.start();
    await supervisor.stop(60_000);
    expect(supervisor.pids()).toEqual([]);
  });
});
