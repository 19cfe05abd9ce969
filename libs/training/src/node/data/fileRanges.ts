/** @file Whole ranges of an open file: the system may read and write less than it was asked for. */
import { readSync, writeSync } from "node:fs";

/** @param position - of the first byte in the file */
export function writeRange(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done, bytes.length - done, position + done);
}

/** Fills `bytes`. @throws Error where the file ends before */
export function readRange(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) {
    const count = readSync(file, bytes, done, bytes.length - done, position + done);
    if (count === 0) throw new Error(`internal: expected ${bytes.length} bytes from ${position} on, got ${done}`);
    done += count;
  }
}
