/** @file Vectors that two programs have written, as float32 one after another. */
import { readFileSync } from "node:fs";

/** @throws Error where there are not as many in one file as in the other */
export function largestDifference(ours: string, theirs: string): number {
  const [a, b] = [readValues(ours), readValues(theirs)];
  if (a.length !== b.length) throw new Error(`bench: ${a.length} values of ours, ${b.length} of theirs`);
  return a.reduce((worst, value, index) => Math.max(worst, Math.abs(value - b[index]!)), 0);
}

function readValues(path: string): Float32Array {
  const bytes = readFileSync(path);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}
