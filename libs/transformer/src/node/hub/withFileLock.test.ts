import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { withFileLock } from "./withFileLock.ts";

let scratch: string;
let path: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "withFileLock-"));
});
beforeEach(() => {
  path = join(scratch, crypto.randomUUID(), "file.lock");
});
afterAll(() => rm(scratch, { recursive: true }));

const done = async () => "done";
async function leaveLock(owner: { pid: number; host: string }): Promise<void> {
  await withFileLock(path, {}, done); // makes the folder
  await writeFile(path, JSON.stringify({ id: "left behind", ...owner }));
}

describe("withFileLock()", () => {
  test("runs one at a time and leaves no file", async () => {
    let running = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++running);
      await sleep(1);
      running--;
    };
    await Promise.all(Array.from({ length: 10 }, () => withFileLock(path, {}, work)));
    expect(most).toBe(1);
    expect(await readdir(join(path, ".."))).toEqual([]);
  });

  test("gives the result on, and frees the lock when the work fails", async () => {
    await expect(withFileLock(path, {}, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await withFileLock(path, {}, done)).toBe("done");
  });

  test("waits for an owner that is alive, and says so once", async () => {
    await leaveLock({ pid: process.pid, host: hostname() });
    let waits = 0;
    const work = withFileLock(path, { onWait: () => waits++ }, done);
    await sleep(150);
    expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({ id: "left behind" });
    await rm(path);
    expect(await work).toBe("done");
    expect(waits).toBe(1);
  });

  test("takes over at once from a process of this machine that has ended", async () => {
    const { pid } = spawnSync(process.execPath, ["--version"]);
    await leaveLock({ pid, host: hostname() });
    expect(await withFileLock(path, { signal: AbortSignal.timeout(2_000) }, done)).toBe("done");
  });

  test.each([JSON.stringify({ id: "x", pid: 1, host: "elsewhere" }), "", "{"])(
    "takes over from %j when nobody touches it for staleMs, and not before",
    async (text) => {
      await leaveLock({ pid: 1, host: "elsewhere" });
      await writeFile(path, text);
      const startMs = performance.now();
      await withFileLock(path, { staleMs: 200 }, done);
      expect(performance.now() - startMs).toBeGreaterThan(200);
    },
  );

  test("does not take over from another machine whose owner touches the file, whatever its clock says", async () => {
    await leaveLock({ pid: 1, host: "elsewhere" });
    const work = withFileLock(path, { staleMs: 300, signal: AbortSignal.timeout(900) }, done);
    const beat = setInterval(() => void utimes(path, 1_000, 1_000 + performance.now() / 1000), 50);
    await expect(work).rejects.toMatchObject({ name: "TimeoutError" });
    clearInterval(beat);
  });

  test("touches its own file while it works", async () => {
    await withFileLock(path, { heartbeatMs: 20 }, async () => {
      const before = (await stat(path)).mtimeMs;
      await vi.waitFor(async () => expect((await stat(path)).mtimeMs).toBeGreaterThan(before), { timeout: 15_000 });
    });
  });

  test("leaves the lock of someone who took over alone", async () => {
    const other = JSON.stringify({ id: "another", pid: process.pid, host: hostname() });
    await withFileLock(path, {}, () => writeFile(path, other));
    expect(await readFile(path, "utf8")).toBe(other);
  });

  test("only one of many takes over a lock that was left behind", async () => {
    const { pid } = spawnSync(process.execPath, ["--version"]);
    await leaveLock({ pid, host: hostname() });
    let running = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++running);
      await sleep(5);
      running--;
    };
    await Promise.all(Array.from({ length: 10 }, () => withFileLock(path, {}, work)));
    expect(most).toBe(1);
  });

  test("stops waiting with the reason of the signal", async () => {
    await leaveLock({ pid: process.pid, host: hostname() });
    const controller = new AbortController();
    const work = withFileLock(path, { signal: controller.signal }, done);
    controller.abort(new Error("enough"));
    await expect(work).rejects.toThrow("enough");
  });
});
