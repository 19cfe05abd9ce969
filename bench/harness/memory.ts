/** @file Resident memory of a process and all that it has started, from /proc. */
import { readdirSync, readFileSync } from "node:fs";

export type Resident = {
  /** Bytes that the processes hold together: a page that several map, such as Node's own code, counts once (`Pss`). */
  readonly together: number;
  /** Sum of what `ps` shows for each: such a page counts in every process, and once for each time that it is mapped (`Rss`). */
  readonly summed: number;
  /** Without what lies in files: what a leak would add to, and nobody else's processes change. */
  readonly anonymous: number;
};

export function resident(root: number): Resident {
  const family = familyOf(root).map((pid) => read(`/proc/${pid}/smaps_rollup`));
  const sum = (key: string) => family.reduce((total, text) => total + bytesAt(text, key), 0);
  return { together: sum("Pss"), summed: sum("Rss"), anonymous: sum("Anonymous") };
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

function bytesAt(rollup: string, key: string): number {
  const found = new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(rollup);
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
