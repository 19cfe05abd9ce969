/** @file Threads of processes that share this machine. */
import { availableParallelism } from "node:os";

/** The cores, divided by the processes; at least one. */
export const threadsEach = (numProcesses: number): number =>
  Math.max(1, Math.floor(availableParallelism() / numProcesses));
