/** @file What Linux says of processes in /proc, also of those that end meanwhile. */
import { existsSync, readdirSync, readFileSync } from "node:fs";

/** A file of /proc, empty when whoever it is about has ended. */
export function readProc(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Folders of the process's threads; none when it has ended. */
export function threadsOf(pid: number): string[] {
  const folder = `/proc/${pid}/task`;
  return existsSync(folder) ? readdirSync(folder).map((thread) => `${folder}/${thread}`) : [];
}

/** Letter of the state of a process or thread (proc_pid_status(5)); null when it has ended. */
export function stateOf(folder: string): string | null {
  return /^State:\s+(\w)/m.exec(readProc(`${folder}/status`))?.[1] ?? null;
}

/** How far a process or thread stands back: field 19 of proc_pid_stat(5), behind the command's name, which is in parentheses. */
export function nicenessOf(folder: string): number {
  const fields = readProc(`${folder}/stat`)
    .replace(/^.*\)\s+/s, "")
    .split(" ");
  return Number(fields[16]);
}
