/** @file Programs that tools run, with their output on ours. */
import { spawnSync, type SpawnSyncOptions } from "node:child_process";
import { resolve } from "node:path";

export const repository = resolve(import.meta.dirname, "..");

/**
 * Run a program in the repository's folder until it ends.
 * @throws Error when the program fails, or is not there
 */
export function runProgram(program: string, args: readonly string[], options: SpawnSyncOptions = {}): void {
  const { status, signal, error } = spawnSync(program, args, { stdio: "inherit", cwd: repository, ...options });
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${status ?? signal}`);
}

export function isThere(program: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" }).status === 0;
}
