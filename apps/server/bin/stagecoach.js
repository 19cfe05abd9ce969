#!/usr/bin/env -S node --max-semi-space-size=4 --optimize-for-size
/**
 * @file The `stagecoach` command: the built program in an installed package, the sources in a checkout.
 *
 * Written for any Node, so that one that is too old can say so.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 24 || (major === 24 && minor < 12)) {
  process.stderr.write(
    `stagecoach: expected Node 24.12 or newer, this is ${process.versions.node} (https://nodejs.org has it)\n`,
  );
  process.exit(2);
}

const source = fileURLToPath(new URL("../src/main.ts", import.meta.url));
if (existsSync(source)) {
  // Packages of a checkout find each other's sources by this condition, which only a new process can be given.
  const flags = ["--max-semi-space-size=4", "--optimize-for-size", "--conditions=@stagecoach/source"];
  process.execve(process.execPath, [process.execPath, ...flags, source, ...process.argv.slice(2)], process.env);
} else {
  await import("../dist/main.js");
}
