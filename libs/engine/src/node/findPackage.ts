/** @file Where an optional package may lie: where Node would look for it, or in a folder that our tools have filled. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";

/** The root of the checkout that this file runs from; in an installed package, a folder without `.engines`. */
const checkout = resolve(import.meta.dirname, "../../../..");

/**
 * Folders of a package: as the current folder sees it, as our own packages see it, and in `<name>` below
 * `STAGECOACH_ENGINES_DIR` and the checkout's `.engines` (tools/engines/install-tfjs.ts).
 */
export function findPackage(specifier: string, name: string): string[] {
  const bases = [
    join(process.cwd(), "package.json"),
    import.meta.filename,
    ...[process.env["STAGECOACH_ENGINES_DIR"], join(checkout, ".engines")]
      .filter((folder) => folder !== undefined)
      .map((folder) => join(resolve(folder), name, "package.json")),
  ];
  return [...new Set(bases.flatMap((base) => locate(specifier, base)))];
}

function locate(specifier: string, base: string): string[] {
  const paths = createRequire(base).resolve.paths(specifier) ?? [];
  const found = paths.map((path) => join(path, specifier)).find((folder) => existsSync(join(folder, "package.json")));
  return found === undefined ? [] : [found];
}

/** Load a CommonJS package from its folder. */
export function requireFolder(folder: string): unknown {
  return createRequire(join(dirname(folder), "package.json"))(folder);
}
