/** @file Processes that are made to stand still at the moment at which a file or folder appears. */
import { existsSync, watch } from "node:fs";
import { basename, dirname } from "node:path";
import { stateOf, threadsOf } from "./processes.ts";

const WAIT_MS = 30_000;

/**
 * Stops the processes when the path is there.
 *
 * @param path - in a folder that is there already
 * @returns how to let those go on that are still there; null when the path was not there any more once all of their threads stood
 * @throws Error when it does not appear
 */
export async function freezeAt(path: string, pids: readonly number[]): Promise<Disposable | null> {
  const { promise, resolve, reject } = Promise.withResolvers<Disposable | null>();
  const onChange = (name: string | null) => {
    if (name === basename(path)) resolve(stopIf(() => existsSync(path), pids));
  };
  const watcher = watch(dirname(path), (_, name) => onChange(name));
  const timer = setTimeout(() => reject(new Error(`${path} did not appear within ${WAIT_MS} ms`)), WAIT_MS);
  if (existsSync(path)) onChange(basename(path));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    watcher.close();
  }
}

/** Stops the processes now. @returns how to let those go on that are still there */
export function freeze(pids: readonly number[]): Disposable {
  return stopIf(() => true, pids)!;
}

function stopIf(isThere: () => boolean, pids: readonly number[]): Disposable | null {
  const frozen = { [Symbol.dispose]: () => pids.forEach((pid) => signal(pid, "SIGCONT")) };
  for (const pid of pids) signal(pid, "SIGSTOP");
  while (!pids.every(standsStill));
  if (isThere()) return frozen;
  frozen[Symbol.dispose]();
  return null;
}

/** To a process that may have ended. */
function signal(pid: number, name: "SIGSTOP" | "SIGCONT"): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** All threads of the process; also when there are none. */
function standsStill(pid: number): boolean {
  return threadsOf(pid).every((thread) => [null, "T", "Z", "X"].includes(stateOf(thread)));
}
