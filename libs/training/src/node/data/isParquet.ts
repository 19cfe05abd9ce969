/** @file A Parquet file is known by its first bytes, before anything that reads it is loaded. */
import { open } from "node:fs/promises";

const MAGIC = "PAR1";

/** Whether a file begins as a Parquet file; false where it cannot be read, which whoever reads it will say. */
export async function isParquet(path: string): Promise<boolean> {
  try {
    await using handle = await open(path);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, 0);
    return bytesRead === MAGIC.length && buffer.toString("latin1") === MAGIC;
  } catch (error) {
    if (error instanceof Error && "code" in error) return false;
    throw error;
  }
}
