/** @file Whether there is a process. */
import { isSystemError } from "./isSystemError.ts";

/** Another user's process is one too. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !isSystemError(error, "ESRCH");
  }
}
