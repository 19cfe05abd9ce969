/**
 * @file A lock between processes, so that two of them do not download the same file at once.
 *
 * A file that only one can create holds the owner's process number and host; the owner touches it every few seconds. A
 * lock whose owner is gone (same host), or whose file nobody has touched for a while, is broken. Written by hand
 * because Node has no flock and a lock by `mkdir` (proper-lockfile) judges age by comparing clocks, which a shared file
 * system does not promise; here a waiter measures with its own clock whether the file changes.
 *
 * Nothing may depend on the lock for correctness: an owner that was stopped for long can lose it. It saves bandwidth
 * only.
 */
import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { isRunning } from "../isRunning.ts";
import { isSystemError } from "../isSystemError.ts";
import { pause } from "./pause.ts";

export type FileLockOptions = {
  readonly signal?: AbortSignal | undefined;
  /** Called once when the lock is taken by another. */
  readonly onWait?: () => void;
  /** How often the owner touches the file. */
  readonly heartbeatMs?: number;
  /** How long a file may stay untouched before it counts as left behind. */
  readonly staleMs?: number;
};

const defaultHeartbeatMs = 2_000;
const defaultStaleMs = 30_000;
const maxPollMs = 500;

/**
 * Run `work` while no other process (and nobody else in this one) runs something under the lock at `path`.
 *
 * @throws the reason of `signal` while it waits, what `node:fs` throws, and what `work` throws
 */
export async function withFileLock<T>(path: string, options: FileLockOptions, work: () => Promise<T>): Promise<T> {
  const lock = await takeLock(path, options);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

async function takeLock(path: string, options: FileLockOptions): Promise<HeldLock> {
  const { signal, heartbeatMs = defaultHeartbeatMs, staleMs = defaultStaleMs } = options;
  const owner: Owner = { id: randomUUID(), pid: process.pid, host: hostname() };
  const watch = new StalenessWatch(path, staleMs);
  await mkdir(dirname(path), { recursive: true });
  for (let pollMs = 20, round = 0; ; pollMs = Math.min(pollMs * 1.5, maxPollMs), round++) {
    signal?.throwIfAborted();
    if (await create(path, owner)) return new HeldLock(path, owner, heartbeatMs);
    if (round === 0) options.onWait?.();
    const stale = await watch.staleOwner();
    if (stale !== undefined) await breakLock(path, stale);
    else await pause(pollMs, signal);
  }
}

type Owner = { readonly id: string; readonly pid: number; readonly host: string };

class HeldLock {
  readonly #path: string;
  readonly #owner: Owner;
  readonly #heartbeat: NodeJS.Timeout;

  constructor(path: string, owner: Owner, heartbeatMs: number) {
    this.#path = path;
    this.#owner = owner;
    this.#heartbeat = setInterval(() => void this.#touch(), heartbeatMs).unref();
  }

  async release(): Promise<void> {
    clearInterval(this.#heartbeat);
    const owner = await readOwner(this.#path);
    if (owner?.id === this.#owner.id) await rm(this.#path, { force: true });
  }

  async #touch(): Promise<void> {
    try {
      const now = new Date();
      await utimes(this.#path, now, now);
    } catch {
      // The lock was broken, or the disk is gone: the next write to the disk tells.
      clearInterval(this.#heartbeat);
    }
  }
}

/** Watches one lock file with the waiter's own clock. */
class StalenessWatch {
  readonly #path: string;
  readonly #staleMs: number;
  #seen: { readonly key: string; readonly sinceMs: number } = { key: "", sinceMs: 0 };

  constructor(path: string, staleMs: number) {
    this.#path = path;
    this.#staleMs = staleMs;
  }

  /** The id of an owner that left the lock behind (empty when the file names none), or undefined. */
  async staleOwner(): Promise<string | undefined> {
    const mtimeMs = await mtimeOf(this.#path);
    if (mtimeMs === undefined) return undefined;
    const owner = await readOwner(this.#path);
    if (owner && owner.host === hostname() && !isRunning(owner.pid)) return owner.id;
    const key = `${owner?.id} ${mtimeMs}`;
    const nowMs = performance.now();
    if (key !== this.#seen.key) this.#seen = { key, sinceMs: nowMs };
    return nowMs - this.#seen.sinceMs > this.#staleMs ? (owner?.id ?? "") : undefined;
  }
}

async function create(path: string, owner: Owner): Promise<boolean> {
  try {
    await writeFile(path, JSON.stringify(owner), { flag: "wx" });
    return true;
  } catch (error) {
    if (isSystemError(error, "EEXIST")) return false;
    // Created, but the disk is full: an empty lock would hold everyone up. EACCES and the like created nothing.
    if (isSystemError(error, "ENOSPC", "EDQUOT")) await rm(path, { force: true });
    throw error;
  }
}

/** Only one of several waiters succeeds in the rename; one that finds it took a fresh lock puts it back. */
async function breakLock(path: string, staleId: string): Promise<void> {
  const aside = `${path}.${randomUUID()}.stale`;
  try {
    await rename(path, aside);
    if (((await readOwner(aside))?.id ?? "") !== staleId) await link(aside, path);
  } catch (error) {
    if (!isSystemError(error, "ENOENT", "EEXIST")) throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

async function readOwner(path: string): Promise<Owner | undefined> {
  try {
    const owner = JSON.parse(await readFile(path, "utf8")) as Partial<Owner> | null;
    if (typeof owner?.id !== "string" || typeof owner.pid !== "number" || typeof owner.host !== "string")
      return undefined;
    return { id: owner.id, pid: owner.pid, host: owner.host };
  } catch (error) {
    // Gone, or created this moment and not written yet.
    if (isSystemError(error, "ENOENT") || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function mtimeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return undefined;
    throw error;
  }
}
