/** @file How many micro-batches the engine of one stage works on at a time. */

/** More lanes than this would make each of them slow for the sake of little. */
const MAX_LANES = 4;

/** Whether an engine can hold a stage several times, and adapters of it, for the memory of one. */
export function canShareProgram(engine: string): boolean {
  return engine === "onnxruntime";
}

/**
 * One micro-batch on all threads leaves threads waiting for each other inside of every matrix product; as many micro-batches as
 * there are threads, each on one, do not. docs/ARCHITECTURE.md has what was measured.
 */
export function numLanes(engine: string, threads: number): number {
  return canShareProgram(engine) ? Math.max(1, Math.min(threads, MAX_LANES)) : 1;
}
