/**
 * @file Where the console's files are. In a published package they lie beside the code (tools/pack); a checkout builds them when they
 * are first asked for and its sources are newer, so that a first start needs no build step.
 */
import { isSystemError } from "@stagecoach/transformer/node";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, rename, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const packaged = fileURLToPath(new URL("../../assets/console", import.meta.url));
const sources = fileURLToPath(new URL("../../../console", import.meta.url));

/** @returns the folder with index.html, built once if need be; it rejects with what the bundler said, and tries again the next time */
export function consoleFolder(): () => Promise<string> {
  let built: Promise<string> | null = null;
  return () => {
    built ??= findFolder().catch((error: unknown) => {
      built = null;
      throw error;
    });
    return built;
  };
}

async function findFolder(): Promise<string> {
  if (existsSync(packaged)) return packaged;
  const folder = join(sources, "dist");
  if ((await modifiedAt(join(folder, "index.html"))) > (await newestOf(sources))) return folder;
  const vite = join(dirname(createRequire(import.meta.url).resolve("vite/package.json")), "bin/vite.js");
  // Beside, then renamed: another gateway of this checkout may do the same now, or serve what is there.
  const fresh = join(sources, `dist-${process.pid}`);
  const args = ["build", sources, "--outDir", fresh, "--emptyOutDir", "--logLevel", "warn"];
  try {
    await promisify(execFile)(process.execPath, [vite, ...args], { cwd: sources });
    await rm(folder, { recursive: true, force: true });
    await rename(fresh, folder);
  } catch (error) {
    // The other one was faster, with the same files.
    if (!isSystemError(error, "ENOTEMPTY", "EEXIST")) throw error;
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return folder;
}

/** Milliseconds of the newest file of the console's sources. */
async function newestOf(folder: string): Promise<number> {
  const isOurs = (path: string) => !/(^|[/\\])(dist|node_modules)/.test(path);
  const paths = (await readdir(folder, { recursive: true })).filter(isOurs);
  return Math.max(...(await Promise.all(paths.map((path) => modifiedAt(join(folder, path))))));
}

async function modifiedAt(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs;
  } catch {
    return 0;
  }
}
