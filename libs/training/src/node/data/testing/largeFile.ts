/** @file A process that makes a data set of a text file as large as a test asks for (loadLargeFile.ts). */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export type LoadedFile = {
  readonly numTokens: number;
  readonly numRows: number;
  /** The most memory that the process ever had: its resident set. */
  readonly peakMegabytes: number;
};

/** @param folder - where the file is made, and what of it does not fit into memory */
export async function loadLargeFile(folder: string, megabytes: number): Promise<LoadedFile> {
  const program = fileURLToPath(new URL("./loadLargeFile.ts", import.meta.url));
  const flags = ["--conditions=@stagecoach/source", "--max-old-space-size=64", "--max-semi-space-size=4"];
  const args = [...flags, program, folder, String(megabytes)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as LoadedFile;
}
