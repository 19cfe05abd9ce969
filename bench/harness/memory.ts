/** @file Resident memory of a process and all that it has started, from /proc. */
import { readdirSync, readFileSync } from "node:fs";

/** Sum over the processes, in bytes. Pages that several share are counted in each, as `ps` does. */
export function residentBytes(root: number): number {
  return familyOf(root).reduce((total, pid) => total + residentOf(pid), 0);
}

function familyOf(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc").filter((each) => /^\d+$/.test(each))) {
    const stat = read(`/proc/${name}/stat`);
    // The command's name stands in brackets and may hold anything: fields are counted from its end.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    parents.set(Number(name), Number(fields[1]));
  }
  const family = [root];
  for (const pid of family)
    for (const [child, parent] of parents) if (parent === pid && !family.includes(child)) family.push(child);
  return family;
}

function residentOf(pid: number): number {
  const found = /^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`));
  return Number(found?.[1] ?? 0) * 1024;
}

/** Processes come and go while they are being counted. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
